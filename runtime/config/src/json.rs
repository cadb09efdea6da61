//! JSON objects whose keys are checked: no key may be given twice, and what is wrong is said with its line and
//! column. Used for connector files and for the bodies of REST requests.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Properties;
use crate::error::ConfigError;

/// A JSON value, as far as configurations need it.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A text, a number or a boolean, as text.
    Text(String),
    /// An object, in the order of its keys.
    Object(Vec<(String, Json)>),
    /// A list.
    List(Vec<Json>),
}

impl Json {
    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "a text",
            Self::Object(_) => "an object",
            Self::List(_) => "a list",
        }
    }
}

/// Parses a JSON text.
///
/// # Errors
/// When it is not JSON, nests too deeply, or gives a key twice.
pub fn parse(text: &str) -> Result<Json, ConfigError> {
    serde_json::from_str(text).map_err(|error| {
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        ConfigError::Syntax {
            what: "JSON".to_owned(),
            line: error.line(),
            column: error.column(),
            message: full.strip_suffix(&place).unwrap_or(&full).to_owned(),
        }
    })
}

/// Parses a JSON text that must be an object.
///
/// # Errors
/// As [`parse`], and when it is something else.
pub fn object(text: &str) -> Result<Vec<(String, Json)>, ConfigError> {
    match parse(text)? {
        Json::Object(entries) => Ok(entries),
        other => Err(ConfigError::Syntax {
            what: "JSON".to_owned(),
            line: 1,
            column: 1,
            message: format!("{} was found, an object is wanted", other.kind()),
        }),
    }
}

/// The keys and values of a JSON object as text; null is as if the key was not there.
///
/// # Errors
/// When a value is an object or a list.
pub fn flat(entries: Vec<(String, Json)>) -> Result<Properties, ConfigError> {
    let mut properties = Properties::new();
    for (key, value) in entries {
        match value {
            Json::Text(text) => drop(properties.insert(key, text)),
            Json::Null => {}
            other => {
                let message = format!("the value of {key:?} is {}; a text is wanted", other.kind());
                return Err(ConfigError::key_message(&key, message));
            }
        }
    }
    Ok(properties)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Text(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(serde::de::Error::custom(format!(
                    "the key {key:?} is given twice; remove one"
                )));
            }
            object.push((key, entries.next_value()?));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_booleans_become_text() {
        let entries =
            object(r#"{"a": 1, "b": true, "c": 1.0, "d": -5, "e": null, "f": "x"}"#).unwrap();
        let texts: Vec<String> = entries
            .iter()
            .map(|(_, value)| format!("{value:?}"))
            .collect();
        let wanted = [
            r#"Text("1")"#,
            r#"Text("true")"#,
            r#"Text("1.0")"#,
            r#"Text("-5")"#,
            "Null",
            r#"Text("x")"#,
        ];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn a_key_given_twice_is_refused_with_its_place() {
        let error = object("{\n \"a\": 1,\n \"a\": 2}").unwrap_err().to_string();
        assert!(
            error.contains("line 3") && error.contains("\"a\" is given twice"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        assert!(
            object("[]")
                .unwrap_err()
                .to_string()
                .contains("a list was found, an object is wanted")
        );
        assert!(object("").is_err());
        assert!(object(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(?s).{0,200}") {
            drop(parse(&text));
        }
    }
}
