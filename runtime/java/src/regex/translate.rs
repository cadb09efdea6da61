//! From Java's syntax to that of the crates. Translated: `\p{Alpha}` and the other POSIX classes, `\Q..\E`, `\Z`, `\h`.

/// A pattern as the crates have it.
pub(super) struct Translated {
    pub(super) text: String,
    /// Whether it has look-around, back-references, possessive quantifiers or atomic groups.
    pub(super) goes_back: bool,
    /// How many parts it has when each repetition is written out as often as it is counted.
    pub(super) parts: u64,
}

/// Translates a pattern.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut goes_back = false;
    let mut parts = Parts::default();
    let mut rest = pattern;
    let mut after_quantifier = false;
    let mut class_depth = 0_usize;
    while let Some(next) = rest.chars().next() {
        let was_quantifier = std::mem::take(&mut after_quantifier);
        if next == '\\' {
            let (text, after) = translate_escape(rest)?;
            goes_back |= class_depth == 0 && refers_back(rest);
            parts.one(class_depth);
            out.push_str(&text);
            rest = after;
            continue;
        }
        // Java knows no `[:alpha:]`: it is a class of these characters.
        if class_depth > 0
            && let Some(after) = rest.strip_prefix("[:")
        {
            out.push_str("[\\:");
            class_depth += 1;
            rest = after;
            continue;
        }
        parts.next(rest, class_depth);
        match next {
            '[' => class_depth += 1,
            ']' => class_depth = class_depth.saturating_sub(1),
            '+' if class_depth == 0 && was_quantifier => goes_back = true,
            '*' | '+' | '?' | '}' if class_depth == 0 => after_quantifier = !was_quantifier,
            '(' if class_depth == 0 => goes_back |= group(rest)?,
            _ => {}
        }
        out.push(next);
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    Ok(Translated {
        text: out,
        goes_back,
        parts: parts.all(),
    })
}

/// The parts of a pattern, counted while it is read.
#[derive(Default)]
struct Parts {
    /// The parts of the groups around the one that is read.
    around: Vec<u64>,
    here: u64,
    /// Those of the last part, which a quantifier repeats.
    last: u64,
}

impl Parts {
    fn one(&mut self, class_depth: usize) {
        if class_depth == 0 {
            self.add(1);
        }
    }

    fn add(&mut self, parts: u64) {
        self.here = self.here.saturating_add(parts);
        self.last = parts;
    }

    /// Counts the character that `rest` begins with. A class is one part.
    fn next(&mut self, rest: &str, class_depth: usize) {
        match rest.chars().next() {
            _ if class_depth > 0 => {}
            Some('(') => {
                self.around.push(self.here);
                self.here = 1;
            }
            Some(')') => {
                let group = self.here;
                self.here = self.around.pop().unwrap_or(0);
                self.add(group);
            }
            Some('{') => {
                let counts = rest.get(1..).and_then(|rest| rest.split_once('}'));
                let counts = counts.map_or("", |(counts, _)| counts).split(',');
                let most = counts.filter_map(|count| count.trim().parse().ok()).max();
                let repeated = self.last.saturating_mul(most.unwrap_or(1));
                self.here = self.here.saturating_sub(self.last);
                self.add(repeated);
            }
            Some('*' | '+' | '?' | '}') | None => {}
            Some(_) => self.add(1),
        }
    }

    fn all(self) -> u64 {
        self.around
            .iter()
            .fold(self.here, |all, around| all.saturating_add(*around))
    }
}

/// Whether the group that begins here is look-around or atomic. Those of other languages are refused.
fn group(rest: &str) -> Result<bool, String> {
    let Some(kind) = rest.strip_prefix("(?") else {
        return Ok(false);
    };
    if let Some(letter @ ('(' | 'P' | 'R' | '&' | '\'' | '|' | '0'..='9')) = kind.chars().next() {
        return Err(format!("Unknown inline modifier: (?{letter}"));
    }
    let of_java = ["=", "!", "<=", "<!", ">"];
    Ok(of_java.iter().any(|start| kind.starts_with(start)))
}

/// Whether an escape is a back-reference.
fn refers_back(escape: &str) -> bool {
    let mut chars = escape.chars().skip(1);
    matches!(chars.next(), Some('1'..='9' | 'k'))
}

/// Writes the escape that `rest` begins with, and gives what follows it.
fn translate_escape(rest: &str) -> Result<(String, &str), String> {
    let body = rest.get(1..).unwrap_or_default();
    if let Some(quoted) = body.strip_prefix('Q') {
        let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        return Ok((::regex::escape(literal), after));
    }
    if let Some(after) = body.strip_prefix('Z') {
        return Ok(("\\z".to_owned(), after));
    }
    if let Some(after) = body.strip_prefix('h') {
        return Ok(("[ \\t]".to_owned(), after));
    }
    if let Some(after) = body.strip_prefix('H') {
        return Ok(("[^ \\t]".to_owned(), after));
    }
    if let Some(after) = body.strip_prefix('R') {
        return Ok(("(?:\\r\\n|[\\n\\x0b\\f\\r])".to_owned(), after));
    }
    let named = body.strip_prefix("p{").map(|name| (name, ""));
    if let Some((name, not)) = named.or_else(|| Some((body.strip_prefix("P{")?, "^"))) {
        let (name, after) = name
            .split_once('}')
            .ok_or_else(|| "\\p{ has no closing }".to_owned())?;
        let class = match name {
            "Alpha" => "alpha",
            "Lower" => "lower",
            "Upper" => "upper",
            "Digit" => "digit",
            "Alnum" => "alnum",
            "Punct" => "punct",
            "Graph" => "graph",
            "Print" => "print",
            "Blank" => "blank",
            "Cntrl" => "cntrl",
            "XDigit" => "xdigit",
            "Space" => "space",
            "ASCII" => "ascii",
            other => {
                return Err(format!(
                    "\\p{{{other}}} is not supported; topic names are ASCII, so use \\p{{Alpha}}, \\p{{Lower}} or [..]"
                ));
            }
        };
        // Doubled brackets are the class within a class, and the class alone is a union of one.
        return Ok((format!("[[:{not}{class}:]]"), after));
    }
    let escaped = body.chars().next();
    // What `fancy-regex` would know, and Java does not.
    if let Some(letter @ ('g' | 'K' | 'X' | 'N' | 'O')) = escaped {
        return Err(format!("Illegal/unsupported escape sequence: \\{letter}"));
    }
    let length = 1 + escaped.map_or(0, char::len_utf8);
    let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
    Ok((text.to_owned(), after))
}
