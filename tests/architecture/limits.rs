//! `docs/limits.md` against the constants.

use std::collections::HashMap;

use crate::project::{files, text};

/// A constant whose name ends in `_MAX`.
struct Limit {
    name: String,
    /// What it is; none when it is not a number or a duration that can be read here.
    value: Option<Amount>,
    file: String,
}

#[derive(Clone, Copy)]
enum Amount {
    Number(u64),
    Milliseconds(u64),
}

/// The rows of the page whose first cell has this name, without the others' backticks.
fn rows<'a>(page: &'a str, name: &str) -> Vec<Vec<&'a str>> {
    let quoted = format!("`{name}`");
    page.lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(str::trim)
                .collect::<Vec<_>>()
        })
        .filter(|cells| cells.first().is_some_and(|cell| cell.starts_with(&quoted)))
        .collect()
}

/// Whether a cell says this amount, in one of the ways to write it.
fn says(cell: &str, amount: Amount) -> bool {
    let mut ways = Vec::new();
    match amount {
        Amount::Number(number) => {
            for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
                if number % size == 0 {
                    ways.push(format!("{} {unit}", grouped(number / size)));
                }
            }
            ways.extend([
                grouped(number),
                format!("{} ms", grouped(number)),
                format!("{} s", grouped(number)),
            ]);
        }
        Amount::Milliseconds(ms) => {
            ways.push(format!("{} ms", grouped(ms)));
            if ms % 1000 == 0 {
                ways.push(format!("{} s", grouped(ms / 1000)));
            }
        }
    }
    ways.iter().any(|way| way == cell)
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A product of numbers, a duration, or the name of a constant that is known already.
fn amount(expression: &str, known: &HashMap<String, u64>) -> Option<Amount> {
    let number = |text: &str| {
        let text = text.trim();
        let last = text.rsplit("::").next().unwrap_or(text);
        text.replace('_', "")
            .parse()
            .ok()
            .or_else(|| known.get(last).copied())
    };
    for (prefix, ms) in [
        ("Duration::from_secs(", 1000),
        ("Duration::from_millis(", 1),
    ] {
        if let Some(inside) = expression.strip_prefix(prefix) {
            return Some(Amount::Milliseconds(
                number(inside.trim_end_matches(')'))? * ms,
            ));
        }
    }
    expression
        .split('*')
        .map(number)
        .product::<Option<u64>>()
        .map(Amount::Number)
}

/// The limits in a source file.
fn limits(source: &str, file: &str, public_only: bool) -> Vec<Limit> {
    let mut known = HashMap::new();
    let mut found = Vec::new();
    for line in source.lines().map(str::trim) {
        let declared = line
            .strip_prefix("pub const ")
            .or_else(|| line.strip_prefix("pub(crate) const "))
            .or_else(|| line.strip_prefix("const ").filter(|_| !public_only));
        let Some((name, rest)) = declared.and_then(|rest| rest.split_once(':')) else {
            continue;
        };
        let Some((_, expression)) = rest.split_once('=') else {
            continue;
        };
        let value = amount(expression.trim().trim_end_matches(';'), &known);
        if let Some(Amount::Number(number)) = value {
            known.insert(name.to_owned(), number);
        }
        if name.ends_with("_MAX") {
            found.push(Limit {
                name: name.to_owned(),
                value,
                file: file.to_owned(),
            });
        }
    }
    found
}

fn assert_on_page(page: &str, limit: &Limit) {
    let rows = rows(page, &limit.name);
    assert!(
        !rows.is_empty(),
        "docs/limits.md has no row for `{}` of {}",
        limit.name,
        limit.file
    );
    if let Some(value) = limit.value {
        let said = rows
            .iter()
            .any(|cells| cells.get(1).is_some_and(|cell| says(cell, value)));
        assert!(
            said,
            "docs/limits.md has another value for `{}` than {}",
            limit.name, limit.file
        );
    }
}

#[test]
fn the_page_has_every_limit_of_the_model() {
    let page = text("docs/limits.md");
    let found = limits(
        &text("runtime/model/src/limits.rs"),
        "runtime/model/src/limits.rs",
        true,
    );
    assert!(found.len() >= 13, "the constants could not be read");
    for limit in &found {
        assert!(
            limit.value.is_some(),
            "the value of {} could not be read",
            limit.name
        );
        assert_on_page(&page, limit);
    }
}

#[test]
fn the_page_has_every_public_limit_of_the_runtime() {
    let page = text("docs/limits.md");
    for path in files("runtime", ".rs") {
        let name = path.display().to_string();
        if name.contains("/src/") {
            let source = std::fs::read_to_string(&path).unwrap();
            limits(&source, &name, true)
                .iter()
                .for_each(|limit| assert_on_page(&page, limit));
        }
    }
}

/// Compares the fields of a struct of settings, each of which names its key, with the page.
fn assert_settings_on_page(file: &str, name: &str) -> usize {
    let page = text("docs/limits.md");
    let settings = text(file);
    let model = limits(&text("runtime/model/src/limits.rs"), "", true);
    let known = model.iter().filter_map(|limit| match limit.value {
        Some(Amount::Number(number)) => Some((limit.name.clone(), number)),
        _ => None,
    });
    let mut known: HashMap<String, u64> = known.collect();
    known.insert("WASM_STACK_BYTES".to_owned(), 512 * 1024);
    let struct_line = format!("pub struct {name} {{");
    let (_, fields) = settings.split_once(&struct_line).unwrap();
    let (fields, _) = fields.split_once("\n}").unwrap();
    let default_line = format!("impl Default for {name} {{");
    let (_, defaults) = settings.split_once(&default_line).unwrap();
    let mut checked = 0;
    for field in fields.split("    pub ").skip(1) {
        let field_name = field.split(':').next().unwrap();
        let about = fields
            .split_once(&format!("    pub {field_name}:"))
            .unwrap();
        let about = about.0.rsplit("    pub ").next().unwrap();
        let key = about
            .split('`')
            .find(|word| word.contains('.') && word.ends_with(".max"));
        // A field without a key is one of the other structs, or is made of another field.
        let Some(key) = key else { continue };
        let (_, default) = defaults
            .split_once(&format!(" {field_name}: "))
            .unwrap_or_else(|| panic!("{file} has no default for `{field_name}`"));
        let default = amount(default.split(",\n").next().unwrap(), &known).unwrap();
        let quoted = format!("`{key}`");
        let rows = rows(&page, field_name);
        let cells = rows
            .iter()
            .find(|cells| cells.get(2).is_some_and(|cell| *cell == quoted))
            .unwrap_or_else(|| panic!("docs/limits.md has no row for `{field_name}` with {key}"));
        assert!(
            says(cells[1], default),
            "docs/limits.md has another default for `{field_name}`"
        );
        checked += 1;
    }
    checked
}

#[test]
fn the_page_has_every_setting_with_its_default_and_key() {
    let guest = "runtime/config/src/guest_limits.rs";
    let limits = "runtime/config/src/limits.rs";
    for (file, name, at_least) in [
        (guest, "GuestLimits", 15),
        (limits, "CompileLimits", 6),
        (limits, "LogLimits", 3),
        (limits, "RecordLimits", 3),
        (limits, "InFlightLimits", 2),
        (limits, "RestLimits", 7),
    ] {
        let checked = assert_settings_on_page(file, name);
        assert!(
            checked >= at_least,
            "{checked} settings of {name} were read"
        );
    }
}

#[test]
fn amounts_are_read_and_said() {
    let known = HashMap::from([("A_MAX".to_owned(), 7)]);
    let number = |text| match amount(text, &known) {
        Some(Amount::Number(number)) => Some(number),
        _ => None,
    };
    assert_eq!(number("8 * 1024 * 1_024"), Some(8 << 20));
    assert_eq!(number("limits::A_MAX"), Some(7));
    assert_eq!(number("f(1)"), None);
    assert!(says(
        "90 s",
        amount("Duration::from_secs(90)", &known).unwrap()
    ));
    assert!(says("64 KiB", Amount::Number(65_536)) && says("65,536", Amount::Number(65_536)));
    assert!(!says("6", Amount::Number(65)) && !says("650", Amount::Number(65)));
}
