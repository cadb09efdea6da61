//! What is wrong with a connector's configuration, said to whoever wrote its file: one line for each fault, with the
//! file, the connector and the whole key. REST has Kafka Connect's words instead.

use std::path::{Path, PathBuf};

use tidegate_config::connector::ConnectorConfig;
use tidegate_config::definition::{ConfigType, HIDDEN};
use tidegate_config::worker::WorkerConfig;
use tidegate_herder::info::ConfigInfos;
use tidegate_herder::validation;
use tidegate_sandbox::Registry;

/// A connector's file, read.
#[derive(Debug, Clone)]
pub struct Given {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub connector: ConnectorConfig,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, with its prefix.
    pub key: String,
    /// The value that was given.
    pub value: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl Given {
    /// Reads a connector's file.
    ///
    /// # Errors
    /// When it cannot be read or is no such configuration.
    pub fn read(path: &Path) -> Result<Self, tidegate_config::ConfigError> {
        Ok(Self {
            connector: ConnectorConfig::from_file(path)?,
            path: path.to_owned(),
        })
    }

    /// All that is wrong, key by key. Blocks.
    pub fn faults(&self, registry: &Registry, worker: Option<&WorkerConfig>) -> Vec<Fault> {
        match validation::of_connector(registry, worker, &self.connector) {
            Ok(infos) => self.faults_in(&infos),
            Err(error) => vec![self.fault_of_class(&error)],
        }
    }

    /// All that is wrong by a validation.
    pub fn faults_in(&self, infos: &ConfigInfos) -> Vec<Fault> {
        let mut faults = Vec::new();
        for config in &infos.configs {
            let name = &config.value.name;
            let given = self.connector.properties.get(name);
            let password = ConfigType::Password.to_string();
            let definition = config.definition.as_ref();
            let value = if definition.is_some_and(|definition| definition.kind == password) {
                given.map(|_| HIDDEN.to_owned())
            } else {
                given.cloned().or_else(|| config.value.value.clone())
            };
            faults.extend(config.value.errors.iter().map(|error| Fault {
                key: name.trim_end_matches('.').to_owned(),
                value: value.clone(),
                message: in_a_line(name, error),
            }));
        }
        faults
    }

    /// What is wrong when no plugin has the connector's class.
    pub fn fault_of_class(&self, error: &impl ToString) -> Fault {
        Fault {
            key: "connector.class".to_owned(),
            value: self.connector.properties.get("connector.class").cloned(),
            message: error.to_string(),
        }
    }

    /// A fault as a line.
    pub fn line(&self, fault: &Fault) -> String {
        format!(
            "{}: connector {}: {}: {}",
            self.path.display(),
            self.connector.name,
            fault.key,
            fault.message
        )
    }
}

/// A message without line breaks, written out or not, and without the key that stands before it.
fn in_a_line(key: &str, message: &str) -> String {
    let message = message.replace("\\n", " ");
    let words: Vec<_> = message.split_whitespace().collect();
    let message = words.join(" ");
    let is_named = |named: &str| key == named || key.ends_with(&format!(".{named}"));
    if let Some((before, rest)) = message.split_once(" for configuration ")
        && before.starts_with("Invalid value ")
        && let Some((named, why)) = rest.split_once(": ")
        && is_named(named)
    {
        return format!("{before}: {why}");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_names_the_key_once() {
        let wanted = [
            (
                "predicates.p.pattern",
                "Invalid value ((( for configuration pattern: Invalid regex:\\n    (((\n    ^\\nerror: unclosed group",
                "Invalid value (((: Invalid regex: ((( ^ error: unclosed group",
            ),
            (
                "topics",
                "Invalid value a for configuration other: no",
                "Invalid value a for configuration other: no",
            ),
        ];
        for (key, message, line) in wanted {
            assert_eq!(in_a_line(key, message), line);
        }
    }
}
