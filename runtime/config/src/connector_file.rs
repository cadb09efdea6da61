//! Connector files on the command line: JSON in both of Kafka Connect's forms, or `.properties`. The content
//! decides, not the file's name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Properties;
use crate::connector::ConnectorConfig;
use crate::error::ConfigError;
use crate::json::{self, Json, flat};
use crate::properties;

/// The most bytes of a configuration file.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl ConnectorConfig {
    /// Reads a connector's file.
    ///
    /// # Errors
    /// When the file cannot be read or is no such configuration.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let parsed = match text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .chars()
            .next()
        {
            Some('{' | '[') => Self::from_json(&text),
            _ => properties::parse(&text).and_then(Self::from_properties),
        };
        parsed.map_err(|error| ConfigError::InFile {
            path: path.to_owned(),
            error: Box::new(error),
        })
    }

    /// Parses a connector in JSON: `{"name": …, "config": {…}}`, or the keys themselves with `name` among them.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        one(json::object(text.trim_start_matches('\u{feff}'))?)
    }
}

/// Reads a configuration file.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    // What a file says of its size may be wrong, as of a device.
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    if read.map_err(failed)? as u64 > FILE_BYTES_MAX {
        let message = format!("the file has more than {FILE_BYTES_MAX} bytes; no more are allowed");
        return Err(failed(std::io::Error::other(message)));
    }
    String::from_utf8(bytes).map_err(|error| ConfigError::InFile {
        path: path.to_owned(),
        error: Box::new(not_utf8(error.as_bytes(), error.utf8_error().valid_up_to())),
    })
}

/// Java reads its properties as ISO-8859-1, where each byte is a character. Here that would turn the UTF-8 of
/// others into nonsense unnoticed, so the writer is told.
fn not_utf8(bytes: &[u8], at: usize) -> ConfigError {
    let before = bytes.get(..at).unwrap_or_default();
    let byte = bytes.get(at).copied().unwrap_or_default();
    let line_start = before.iter().rposition(|byte| *byte == b'\n');
    ConfigError::Syntax {
        what: "text".to_owned(),
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: at - line_start.map_or(0, |end| end + 1) + 1,
        message: format!(
            "the byte 0x{byte:02X} is not UTF-8; save the file as UTF-8, or write the character as \\uXXXX: in \
             ISO-8859-1 it is {:?}, which is \\u{byte:04x}",
            char::from(byte)
        ),
    }
}

fn one(entries: Vec<(String, Json)>) -> Result<ConnectorConfig, ConfigError> {
    let is_nested = entries
        .iter()
        .any(|(key, value)| key == "config" && matches!(value, Json::Object(_)));
    if !is_nested {
        return ConnectorConfig::from_properties(flat(entries)?);
    }
    let (mut name, mut config) = (None, Properties::new());
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("name", Json::Text(text)) => name = Some(text),
            ("config", Json::Object(entries)) => config = flat(entries)?,
            ("initial_state", Json::Text(state)) if state.eq_ignore_ascii_case("RUNNING") => {}
            ("initial_state", _) => {
                let message = "initial_state is only known in POST /connectors; remove it, and pause or stop the connector over REST";
                return Err(ConfigError::key_message("initial_state", message));
            }
            (other, value) => {
                let message = format!(
                    "{other:?} with {} was found beside \"config\"; \"name\" with a text and \"config\" with an object are wanted",
                    value.kind()
                );
                return Err(ConfigError::key_message(other, message));
            }
        }
    }
    match name {
        Some(name) => {
            if let Some(inner) = config.get("name")
                && inner.trim() != name.trim()
            {
                let message = format!(
                    "\"name\" is {name:?}, and in \"config\" it is {inner:?}; one of them is enough"
                );
                return Err(ConfigError::key_message("name", message));
            }
            ConnectorConfig::of(&name, config)
        }
        None => ConnectorConfig::from_properties(config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_json_forms_and_properties_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let texts = [
            r#"{"name": "c", "config": {"connector.class": "F", "tasks.max": 1}}"#,
            "\u{feff} {\"name\": \"c\", \"connector.class\": \"F\", \"tasks.max\": \"1\", \"x\": null}",
            "# a file\nname=c\nconnector.class=F\ntasks.max=1\n",
        ];
        for text in texts {
            let path = folder.path().join("any.name");
            std::fs::write(&path, text).unwrap();
            let found = ConnectorConfig::from_file(&path).unwrap();
            let wanted = Properties::from([
                ("name".into(), "c".into()),
                ("connector.class".into(), "F".into()),
                ("tasks.max".into(), "1".into()),
            ]);
            assert_eq!(found.properties, wanted, "{text}");
        }
    }

    #[test]
    fn a_file_without_end_is_read_up_to_its_limit() {
        let error = ConnectorConfig::from_file(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().contains("no more are allowed"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        std::fs::write(&path, "{\"name\": \"c\",\n \"config\": {,}}").unwrap();
        let error = ConnectorConfig::from_file(&path).unwrap_err().to_string();
        assert!(
            error.contains("c.json") && error.contains("line 2, column 13"),
            "{error}"
        );
        let error = ConnectorConfig::from_file(&folder.path().join("none"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("none"), "{error}");
        let nested = ConnectorConfig::from_json(r#"{"name": "c", "a": {"b": "c"}}"#)
            .unwrap_err()
            .to_string();
        assert!(
            nested.contains("the value of \"a\" is an object; a text is wanted"),
            "{nested}"
        );
        assert!(ConnectorConfig::from_json(r#"{"name": "c", "config": {}, "foo": 1}"#).is_err());
        assert!(
            ConnectorConfig::from_json(r#"{"config": {}}"#)
                .unwrap_err()
                .to_string()
                .contains("\"name\"")
        );
    }

    #[test]
    fn two_names_in_a_file_are_named_as_such() {
        let error = ConnectorConfig::from_json(r#"{"name": "a", "config": {"name": "b"}}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"a\"") && error.contains("\"b\"") && !error.contains("URL"),
            "{error}"
        );
    }

    #[test]
    fn a_byte_that_is_not_utf_8_is_said_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin.properties");
        std::fs::write(&path, b"name=c\nfile=caf\xe9\n").unwrap();
        let error = ConnectorConfig::from_file(&path).unwrap_err().to_string();
        for wanted in [
            "latin.properties",
            "line 2, column 9",
            "0xE9",
            "UTF-8",
            "\\u00e9",
        ] {
            assert!(error.contains(wanted), "{wanted:?} was wanted in {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_connector_or_an_error(text in "(?s).{0,80}") {
            drop(ConnectorConfig::from_json(&text));
        }
    }
}
