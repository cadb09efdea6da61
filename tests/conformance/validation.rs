//! Configurations that are validated: the answer key by key, beside that of Kafka Connect's herder.

#![allow(
    clippy::indexing_slicing,
    reason = "JSON is indexed: what is not there is null"
)]

use serde_json::{Map, Value as Json, json};
use tidegate_config::Properties;
use tidegate_config::connector::ConnectorConfig;
use tidegate_config::worker::WorkerConfig;
use tidegate_herder::validation::of_connector;

use crate::notation::member;
use crate::transforms::Transforms;

/// The version that Kafka Connect's plugins had, which stands for that of ours.
const KAFKA_VERSION: &str = "4.3.1";

/// What Kafka Connect answers for the keys that every connector of a kind has: by the name of the case that shows it.
#[derive(Default)]
pub struct Known(Map<String, Json>);

impl Known {
    /// Validates the configuration of a case; the text says what is different.
    pub fn run(&mut self, case: &Json, plugins: &Transforms) -> Result<Option<String>, String> {
        let expect = member(case, "expect")?;
        let wanted = self.wanted(case, expect)?;
        let found = found(member(case, "validate")?, plugins)?;
        let mut differences = Vec::new();
        let (count, wanted_count) = (
            member(&found, "error_count")?,
            member(expect, "error_count")?,
        );
        if count != wanted_count {
            differences.push(format!("error_count: {count} instead of {wanted_count}"));
        }
        let keys = member(&found, "keys")?.as_object().ok_or("no keys")?;
        for (key, wanted) in &wanted {
            match keys.get(key) {
                None => differences.push(format!("{key} is missing")),
                Some(found) => compare(key, found, wanted, &mut differences),
            }
        }
        let more = keys.keys().filter(|key| !wanted.contains_key(*key));
        differences.extend(more.map(|key| format!("{key} is there, and not wanted")));
        Ok((!differences.is_empty()).then(|| differences.join("\n    ")))
    }

    /// All keys that are wanted: those of the case, and those of the case that it is like.
    fn wanted(&mut self, case: &Json, expect: &Json) -> Result<Map<String, Json>, String> {
        let own = expect["keys"].as_object().ok_or("no keys are expected")?;
        let Some(like) = expect["as"].as_str() else {
            let id = case["id"].as_str().unwrap_or_default();
            let id = id.trim_start_matches("validate-").to_owned();
            self.0.insert(id, expect["keys"].clone());
            return Ok(own.clone());
        };
        let known = self.0.get(like).and_then(Json::as_object);
        let mut wanted = known.cloned().ok_or(format!("{like} is not known"))?;
        for missing in expect["missing"].as_array().into_iter().flatten() {
            wanted.remove(missing.as_str().unwrap_or_default());
        }
        wanted.extend(own.clone());
        Ok(wanted)
    }
}

fn found(config: &Json, plugins: &Transforms) -> Result<Json, String> {
    let entries = config.as_object().ok_or("the configuration is no object")?;
    // Null is as if the key was not there.
    let text = |(key, value): (&String, &Json)| Some((key.clone(), value.as_str()?.to_owned()));
    let properties: Properties = entries.iter().filter_map(text).collect();
    let name = properties.get("name").cloned().unwrap_or_default();
    let converter = "org.apache.kafka.connect.json.JsonConverter".to_owned();
    let worker =
        ["key.converter", "value.converter"].map(|key| (key.to_owned(), converter.clone()));
    let worker = WorkerConfig::standalone(worker.into()).map_err(|error| error.to_string())?;
    let connector = ConnectorConfig::unnamed(&name, properties);
    let infos = of_connector(plugins.registry(), Some(&worker.0), &connector);
    let infos = infos.map_err(|error| error.to_string())?;
    let mut keys = Map::new();
    for config in &infos.configs {
        let definition = config.definition.as_ref().map(|definition| {
            json!({
                "type": definition.kind, "required": definition.required,
                "default_value": definition.default_value, "importance": definition.importance,
                "group": definition.group, "order_in_group": definition.order, "width": definition.width,
                "display_name": definition.display_name, "dependents": definition.dependents,
            })
        });
        let value = json!({
            "definition": definition, "value": config.value.value, "errors": config.value.errors,
            "visible": config.value.visible, "recommended_values": config.value.recommended_values.len(),
        });
        keys.insert(config.value.name.clone(), value);
    }
    let text = json!({ "error_count": infos.error_count, "keys": keys }).to_string();
    let text = text.replace(env!("CARGO_PKG_VERSION"), KAFKA_VERSION);
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn compare(key: &str, found: &Json, wanted: &Json, differences: &mut Vec<String>) {
    let parts = ["definition", "value", "visible"];
    for part in parts {
        let (found, wanted) = (&found[part], &wanted[part]);
        if found != wanted {
            differences.push(format!("{key}: {part} is {found} instead of {wanted}"));
        }
    }
    // Further plugins are here too.
    let count = |of: &Json| of["recommended_values"].as_u64();
    if count(found) < count(wanted) {
        differences.push(format!("{key}: values are not recommended"));
    }
    let texts = |of: &Json| -> Vec<String> {
        let errors = of["errors"].as_array().into_iter().flatten();
        errors.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let (found, wanted) = (texts(found), texts(wanted));
    let same = found.len() == wanted.len()
        && (found.iter().zip(&wanted)).all(|(found, wanted)| says(key, found, wanted));
    if !same {
        differences.push(format!("{key}: {found:?} instead of {wanted:?}"));
    }
}

/// Whether a message begins as Kafka Connect's does. Ours names the whole key where its validators leave the prefix out;
/// what a regular expression lacks, and what a guest says of it, is in other words.
fn says(key: &str, found: &str, wanted: &str) -> bool {
    let of = |text: &str| format!(" for configuration {text}: ");
    let short = |text: &str| {
        let mut text = text.to_owned();
        for (at, _) in key.match_indices('.') {
            let rest = key.get(at + 1..).unwrap_or_default();
            text = text.replace(&of(rest), &of(key));
        }
        text
    };
    let (found, wanted) = (short(found), short(wanted));
    let wanted = match wanted.split_once("Invalid regex: ") {
        Some((before, _)) => before,
        None => &wanted,
    };
    found.starts_with(wanted)
}
