//! Checks on parsed values, in the words of Kafka's `ConfigDef` validators.

use std::collections::HashSet;

use tidegate_java::regex::Pattern;

use crate::definition::Parsed;

/// A check that a value must pass beyond its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    /// A number of at least this.
    AtLeast(i64),
    /// A number of at least this, when there is one.
    NullOrAtLeast(i64),
    /// A number in this range.
    Between(i64, i64),
    /// One of `valid_values`, whatever its case.
    OneOfIgnoringCase,
    /// A text that is not empty and has no control characters: a connector's name.
    ConnectorName,
    /// A text that is not empty, when there is one.
    NotEmpty,
    /// A list without a word twice.
    UniqueAliases,
    /// A list without a word twice and without an empty word, as `ConfigDef.ValidList` has it.
    NoRepeats,
    /// A regular expression.
    Regex,
    /// A positive number, or -1 for the broker's default.
    PositiveOrBrokerDefault,
}

impl Validator {
    /// What is wrong with a list, in words that do not name the value.
    pub(crate) fn check_list(self, name: &str, value: Option<&Parsed>) -> Option<String> {
        let (Self::NoRepeats, Some(Parsed::List(words))) = (self, value) else {
            return None;
        };
        let distinct: HashSet<_> = words.iter().collect();
        if distinct.len() < words.len() {
            return Some(format!(
                "Configuration '{name}' values must not be duplicated."
            ));
        }
        let has_empty = words.iter().any(String::is_empty);
        has_empty.then(|| format!("Configuration '{name}' values must not be empty."))
    }

    /// What is wrong with a value, when something is.
    pub(crate) fn check(self, value: Option<&Parsed>, valid_values: &[String]) -> Option<String> {
        match (self, value) {
            (Self::AtLeast(_) | Self::Between(..), None) => {
                Some("Value must be non-null".to_owned())
            }
            (Self::AtLeast(least) | Self::NullOrAtLeast(least), Some(Parsed::Number(number)))
                if *number < least =>
            {
                Some(format!("Value must be at least {least}"))
            }
            (Self::Between(least, _), Some(Parsed::Number(number))) if *number < least => {
                Some(format!("Value must be at least {least}"))
            }
            (Self::Between(_, most), Some(Parsed::Number(number))) if *number > most => {
                Some(format!("Value must be no more than {most}"))
            }
            (Self::PositiveOrBrokerDefault, Some(Parsed::Number(number)))
                if *number < -1 || *number == 0 =>
            {
                Some("Value must be at least 1, or -1 to use the broker's default".to_owned())
            }
            (Self::OneOfIgnoringCase, Some(Parsed::Text(text)))
                if !valid_values
                    .iter()
                    .any(|valid| valid.eq_ignore_ascii_case(text)) =>
            {
                Some(format!(
                    "String must be one of (case insensitive): {}",
                    valid_values.join(", ")
                ))
            }
            (Self::ConnectorName, Some(Parsed::Text(text))) => connector_name(text),
            (Self::NotEmpty, Some(Parsed::Text(text))) if text.is_empty() => {
                Some("String must be non-empty".to_owned())
            }
            (Self::UniqueAliases, Some(Parsed::List(words))) => {
                let distinct: HashSet<_> = words.iter().collect();
                (distinct.len() < words.len()).then(|| "Duplicate alias provided.".to_owned())
            }
            (Self::Regex, Some(Parsed::Text(text))) => Pattern::compile(text)
                .err()
                .map(|error| format!("Invalid regex: {error}")),
            _ => None,
        }
    }
}

fn connector_name(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("String may not be empty".to_owned());
    }
    let found: Vec<String> = text
        .chars()
        .filter(|c| c.is_control())
        .map(|c| u32::from(c).to_string())
        .collect();
    (!found.is_empty()).then(|| {
        format!(
            "String may not contain control sequences but had the following ASCII chars: {}",
            found.join(", ")
        )
    })
}
