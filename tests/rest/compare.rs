//! What must be the same in a recorded answer and one of today.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::client::Answer;

/// What is wrong with an answer; nothing when it agrees.
pub fn faults(recorded: &Map<String, Value>, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    let (wanted, body) = (&recorded["response"], &answer.body);
    if recorded["status"] != answer.status {
        let status = &recorded["status"];
        return vec![format!(
            "{status} was wanted, {} found: {body}",
            answer.status
        )];
    }
    let name = recorded["name"].as_str().unwrap();
    match (wanted.is_null(), body.is_null()) {
        (true, true) => {}
        (true, false) => faults.push("a body was not wanted".to_owned()),
        (false, true) => faults.push("a body was wanted".to_owned()),
        (false, false) if name.starts_with("validate_") && wanted.get("configs").is_some() => {
            validation(wanted, body, &mut faults);
        }
        (false, false) if name.starts_with("plugin_config_") && wanted.is_array() => {
            options(wanted, body, &mut faults);
            shape(wanted, body, "", &mut faults);
        }
        // The names are the program's own.
        (false, false) if name == "loggers" => loggers(wanted, body, &mut faults),
        (false, false) => shape(wanted, body, "", &mut faults),
    }
    let exact = recorded.get("exact").and_then(Value::as_array);
    for path in exact.into_iter().flatten().filter_map(Value::as_str) {
        let (wanted, found) = (pick(wanted, path), pick(body, path));
        // Connectors here have groups of their own.
        if path != "groups" && wanted != found {
            faults.push(format!("{path}: {wanted} was wanted, {found} found"));
        }
    }
    for header in ["location", "allow"] {
        let wanted = recorded.get(header).and_then(Value::as_str);
        if wanted != answer.header(header) && wanted.is_some() {
            faults.push(format!("{header}: {:?} was found", answer.header(header)));
        }
    }
    faults
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Compares types and keys: what the recording has must be there. Null stands for any type.
fn shape(wanted: &Value, found: &Value, path: &str, faults: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Null, _) | (_, Value::Null) if !path.is_empty() => {}
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                match found.get(key) {
                    None => faults.push(format!("{path}.{key} is missing")),
                    Some(found) => shape(value, found, &format!("{path}.{key}"), faults),
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) => items(wanted, found, path, faults),
        _ if kind(wanted) == kind(found) => {}
        _ => faults.push(format!(
            "{path}: {} was wanted, {} found",
            kind(wanted),
            kind(found)
        )),
    }
}

/// Each item must be like one that was recorded.
fn items(wanted: &[Value], found: &[Value], path: &str, faults: &mut Vec<String>) {
    if !wanted.is_empty() && found.is_empty() {
        faults.push(format!("{path}: items were wanted"));
    }
    if wanted.is_empty() {
        return;
    }
    for (index, item) in found.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let of_one = wanted.iter().map(|wanted| {
            let mut faults = Vec::new();
            shape(wanted, item, &path, &mut faults);
            faults
        });
        faults.extend(of_one.min_by_key(Vec::len).unwrap_or_default());
    }
}

/// The values at a path: keys with dots between, `*` for each.
fn pick(value: &Value, path: &str) -> Value {
    if path.is_empty() {
        return value.clone();
    }
    let (head, tail) = path.split_once('.').unwrap_or((path, ""));
    match (head, value) {
        ("*", Value::Array(items)) => items.iter().map(|item| pick(item, tail)).collect(),
        ("*", Value::Object(entries)) => entries.values().map(|item| pick(item, tail)).collect(),
        _ => value
            .get(head)
            .map_or(Value::Null, |value| pick(value, tail)),
    }
}

/// Of a validation: type, whether it is required and whether it has errors, for each configuration key.
fn validation(wanted: &Value, found: &Value, faults: &mut Vec<String>) {
    let view = |answer: &Value| -> BTreeMap<String, [Value; 3]> {
        let configs = answer["configs"].as_array().into_iter().flatten();
        let view = configs.map(|config| {
            let errors = config["value"]["errors"].as_array();
            let wrong = errors.is_some_and(|errors| !errors.is_empty());
            let definition = &config["definition"];
            (
                config["value"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                [
                    definition["type"].clone(),
                    definition["required"].clone(),
                    wrong.into(),
                ],
            )
        });
        view.collect()
    };
    let found_configs = view(found);
    for (key, wanted) in view(wanted) {
        match found_configs.get(&key) {
            None if wanted[1] == true || wanted[2] == true => {
                faults.push(format!("{key} is missing"));
            }
            None => {}
            Some(found) if *found == wanted => {}
            Some(found) => faults.push(format!("{key}: {wanted:?} was wanted, {found:?} found")),
        }
    }
    if let (Some(wanted), Some(found)) = (wanted["configs"].get(0), found["configs"].get(0)) {
        shape(wanted, found, "configs[0]", faults);
    }
}

/// Of a plugin's keys: the types of those that were recorded.
fn options(wanted: &Value, found: &Value, faults: &mut Vec<String>) {
    let types = |answer: &Value| -> BTreeMap<String, Value> {
        let keys = answer.as_array().into_iter().flatten();
        keys.map(|key| {
            let name = key["name"].as_str().unwrap_or_default();
            (name.to_owned(), key["type"].clone())
        })
        .collect()
    };
    let found = types(found);
    for (key, wanted) in types(wanted) {
        if let Some(found) = found.get(&key).filter(|found| **found != wanted) {
            faults.push(format!("{key}: {wanted} was wanted, {found} found"));
        }
    }
}

fn loggers(wanted: &Value, found: &Value, faults: &mut Vec<String>) {
    let found: Vec<_> = found.as_object().into_iter().flatten().collect();
    if !found.iter().any(|(name, _)| *name == "root") {
        faults.push("there is no root logger".to_owned());
    }
    for (name, logger) in found {
        shape(&wanted["root"], logger, name, faults);
    }
}
