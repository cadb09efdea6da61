//! The pages and their tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use tidegate_convert::class_names;
use tidegate_sandbox::{Kind, Registry};

use crate::examples::{self, Example};

/// The folders of `docs` that hold nothing else.
pub const FOLDERS: [&str; 2] = ["transforms", "converters"];

/// Written at the head of each page.
const MADE: &str = "<!-- Made from the definitions by `make reference`; examples are in tests/reference/examples.json. -->\n";

/// One key of a table.
struct Key {
    name: String,
    kind: String,
    default: String,
    allowed: String,
    importance: String,
    documentation: String,
}

/// What a page is about.
struct Subject {
    /// The class names, with what each works on.
    classes: Vec<(String, &'static str)>,
    documentation: String,
    keys: Vec<Key>,
}

/// All pages by their names under `docs`.
pub fn all(registry: &Registry, examples: &[Example]) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut used = Vec::new();
    let transforms = transforms(registry);
    for (name, subject) in &transforms {
        let shown = examples.iter().filter(|example| example.is_of(name));
        let shown: Vec<_> = shown.collect();
        used.extend(shown.iter().map(|example| example.id()));
        let runs = shown
            .iter()
            .map(|example| examples::transform(registry, example));
        let page = page(name, subject, runs);
        pages.insert(format!("transforms/{name}.md"), page);
    }
    let introduction = "Each transform and predicate that comes with Tidegate: its keys, defaults and examples. They are found by \
                        the names of Kafka Connect and Debezium, full or short.";
    pages.insert(
        "transforms/README.md".to_owned(),
        index("Transforms and predicates", introduction, &transforms),
    );
    let converters = converters();
    for (name, subject) in &converters {
        let shown = examples.iter().filter(|example| example.is_of(name));
        let shown: Vec<_> = shown.collect();
        used.extend(shown.iter().map(|example| example.id()));
        let runs = shown.iter().map(|example| examples::converter(example));
        pages.insert(format!("converters/{name}.md"), page(name, subject, runs));
    }
    let introduction = "Each converter: its keys, defaults and examples. The keys of a converter are written after \
                        `key.converter.`, `value.converter.` or `header.converter.`.";
    pages.insert(
        "converters/README.md".to_owned(),
        index("Converters", introduction, &converters),
    );
    let unused = examples
        .iter()
        .filter(|example| !used.contains(&example.id()));
    let unused: Vec<_> = unused.map(|example| example.class()).collect();
    assert!(
        unused.is_empty(),
        "examples of nothing that is there: {unused:?}"
    );
    pages
}

/// Transforms and predicates by their simple names; those of keys and of values are one.
fn transforms(registry: &Registry) -> BTreeMap<String, Subject> {
    let mut subjects: BTreeMap<String, Subject> = BTreeMap::new();
    for (_, info) in registry.list() {
        if !matches!(info.kind, Kind::Transform | Kind::Predicate) {
            continue;
        }
        let class = &info.class_name;
        let simple = class.rsplit('.').next().unwrap_or_default();
        let (name, works_on) = match simple.split_once('$') {
            Some((name, "Key")) => (name, "the key"),
            Some((name, _)) => (name, "the value"),
            None if info.kind == Kind::Predicate => (simple, "predicate"),
            None => (simple, "the record"),
        };
        let key = |key: &tidegate_config::definition::ConfigKey| Key {
            name: key.name.clone(),
            kind: key.kind.to_string(),
            default: default(key.required, key.default.as_deref()),
            allowed: key.valid_values.join(", "),
            importance: key.importance.to_string(),
            documentation: key.documentation.clone(),
        };
        let keys: Vec<Key> = info.definition.0.iter().map(key).collect();
        let subject = subjects.entry(name.to_owned()).or_insert_with(|| Subject {
            classes: Vec::new(),
            documentation: info.documentation.clone(),
            keys: Vec::new(),
        });
        assert!(
            subject.keys.is_empty() || subject.keys.len() == keys.len(),
            "{name} has other keys for keys than for values"
        );
        subject.classes.push((class.clone(), works_on));
        subject.keys = keys;
    }
    subjects
}

fn converters() -> BTreeMap<String, Subject> {
    let subject = |class: &tidegate_convert::ConverterClass| {
        let key = |key: &tidegate_convert::Key| Key {
            name: key.name.to_owned(),
            kind: key.kind.to_owned(),
            // The worker gives `converter.type` itself.
            default: default(key.required, key.default),
            allowed: key.valid_values.join(", "),
            importance: key.importance.to_owned(),
            documentation: key.documentation.to_owned(),
        };
        let works_on = match class.kind {
            tidegate_convert::Kind::Converter => "keys, values and headers",
            tidegate_convert::Kind::HeaderConverter => "headers",
        };
        let name = class.name.rsplit('.').next().unwrap_or_default();
        let keys = class.keys.iter().filter(|key| key.name != "converter.type");
        let subject = Subject {
            classes: vec![(class.name.to_owned(), works_on)],
            documentation: class.documentation.to_owned(),
            keys: keys.map(key).collect(),
        };
        (name.to_owned(), subject)
    };
    class_names().iter().map(subject).collect()
}

fn default(required: bool, default: Option<&str>) -> String {
    match default {
        _ if required => "required".to_owned(),
        None => "null".to_owned(),
        Some("") => "empty".to_owned(),
        Some(default) => format!("`{default}`"),
    }
}

fn page(name: &str, subject: &Subject, examples: impl Iterator<Item = String>) -> String {
    let mut page = format!("{MADE}# {name}\n\n{}\n\n", plain(&subject.documentation));
    page.push_str("| class | works on |\n| --- | --- |\n");
    for (class, works_on) in &subject.classes {
        writeln!(page, "| `{class}` | {works_on} |").unwrap();
    }
    page.push_str("\n## Keys\n");
    if subject.keys.is_empty() {
        page.push_str("None.\n");
    } else {
        page.push_str("| key | type | default | allowed | importance | what it does |\n");
        page.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for key in &subject.keys {
            writeln!(
                page,
                "| `{}` | {} | {} | {} | {} | {} |",
                key.name,
                key.kind.to_lowercase(),
                cell(&key.default),
                cell(&key.allowed),
                key.importance.to_lowercase(),
                cell(&plain(&key.documentation))
            )
            .unwrap();
        }
    }
    for example in examples {
        page.push_str(&example);
    }
    page
}

fn index(title: &str, introduction: &str, subjects: &BTreeMap<String, Subject>) -> String {
    let mut page =
        format!("{MADE}# {title}\n{introduction}\n\n| name | what it does |\n| --- | --- |\n");
    for (name, subject) in subjects {
        let documentation = plain(&subject.documentation);
        writeln!(page, "| [{name}]({name}.md) | {} |", cell(&documentation)).unwrap();
    }
    page
}

/// Kafka's documentation texts are HTML.
fn plain(text: &str) -> String {
    let mut plain = text.to_owned();
    for (tag, instead) in [
        ("<code>", "`"),
        ("</code>", "`"),
        ("<br/>", " "),
        ("<br>", " "),
        ("<p/>", " "),
        ("<p>", " "),
        ("</p>", " "),
        ("\\n", " "),
        ("\n", " "),
    ] {
        plain = plain.replace(tag, instead);
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
