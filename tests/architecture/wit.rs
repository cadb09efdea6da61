//! Every item of the interface is documented.

use crate::project::files;

/// What an item's line begins with. Cases, fields, functions and arguments on lines of their own begin with a
/// name and are found by where they stand.
const OPENERS: [&str; 6] = [
    "interface ",
    "world ",
    "record ",
    "enum ",
    "variant ",
    "flags ",
];

/// The items of a WIT text that have no `///` above them.
fn undocumented(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut documented = false;
    // Inside of a function's arguments nothing is an item.
    let mut parentheses = 0_i32;
    for line in source.lines().map(str::trim) {
        if line.starts_with("///") {
            documented = true;
            continue;
        }
        if line.is_empty() || line.starts_with("//") || line.starts_with('@') {
            continue;
        }
        let inside = parentheses > 0;
        let count = |of: char| i32::try_from(line.matches(of).count()).unwrap();
        parentheses += count('(') - count(')');
        let is_statement = [
            "package ", "use ", "import ", "export ", "include ", "}", ")",
        ]
        .iter()
        .any(|begin| line.starts_with(begin));
        let is_item = OPENERS.iter().any(|opener| line.starts_with(opener))
            || line.starts_with("type ")
            || line.contains(':')
            || line.ends_with(',');
        if is_item && !inside && !is_statement && !documented {
            found.push(line.to_owned());
        }
        documented = false;
    }
    found
}

#[test]
fn every_item_is_documented() {
    let pages = files("wit", ".wit");
    assert!(pages.len() >= 8);
    for page in pages {
        let found = undocumented(&std::fs::read_to_string(&page).unwrap());
        assert!(
            found.is_empty(),
            "{}: without /// are {found:#?}",
            page.display()
        );
    }
}

#[test]
fn what_is_not_documented_is_found() {
    let source = "package a:b;\n/// An interface.\ninterface i {\n  use t.{c};\n  enum e {\n    /// One.\n    one,\n    two,\n  }\n\
                  /// A record.\n  record r {\n    a: u8,\n  }\n  /// A function.\n  f: func(\n    a: u8,\n  ) -> u8;\n  g: func();\n}\n";
    assert_eq!(
        undocumented(source),
        ["enum e {", "two,", "a: u8,", "g: func();"]
    );
}
