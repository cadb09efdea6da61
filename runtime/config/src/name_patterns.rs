//! Which connectors something is for, by their names.

use std::fmt;

use crate::definition::list;

/// Names of connectors, separated by commas; a `*` at the end of one stands for any end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePatterns(Vec<String>);

impl NamePatterns {
    /// Reads them; `None`: there is no name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut names = list(text);
        names.retain(|name| !name.is_empty());
        (!names.is_empty()).then_some(Self(names))
    }

    /// Whether a connector's name is among them.
    #[must_use]
    pub fn has(&self, connector: &str) -> bool {
        self.0
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => connector.starts_with(beginning),
                None => pattern == connector,
            })
    }
}

impl fmt::Display for NamePatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_end_and_nothing_else() {
        let names = NamePatterns::parse("orders-*, billing,").unwrap();
        for (name, wanted) in [
            ("orders-1", true),
            ("orders-", true),
            ("billing", true),
            ("orders", false),
            ("billing2", false),
            ("xorders-1", false),
            ("Billing", false),
            ("", false),
        ] {
            assert_eq!(names.has(name), wanted, "{name:?}");
        }
        assert_eq!(names.to_string(), "orders-*, billing");
        assert!(NamePatterns::parse("*").unwrap().has("any"));
        assert_eq!(NamePatterns::parse(" , "), None);
    }
}
