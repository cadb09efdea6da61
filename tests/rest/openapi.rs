//! What the description of the API says of an answer.

use serde_json::Value;

/// The description that the worker serves.
pub struct Description(Value);

impl Description {
    pub fn new(served: Value) -> Self {
        assert_eq!(served["openapi"], "3.1.0", "{served}");
        Self(served)
    }

    /// What is wrong with an answer by the description; nothing for a path that it does not have.
    pub fn faults(&self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let path = path.split('?').next().unwrap().trim_end_matches('/');
        let paths = self.0["paths"].as_object().unwrap();
        let Some((_, operations)) = paths.iter().find(|(known, _)| is_path(known, path)) else {
            assert!(status == 404, "{method} {path} is not described");
            return Vec::new();
        };
        let Some(operation) = operations.get(method.to_lowercase()) else {
            let own = ["HEAD", "OPTIONS"].contains(&method);
            assert!(own || status == 405, "{method} {path} is not described");
            return Vec::new();
        };
        let Some(response) = operation["responses"].get(status.to_string()) else {
            return vec![format!("the status {status} is not described")];
        };
        let mut faults = Vec::new();
        let schema = &response["content"]["application/json"]["schema"];
        match (schema.is_null(), body.is_null()) {
            (true, true) => {}
            (false, false) => self.check(schema, body, "$", &mut faults),
            _ => faults.push(format!("a body is described otherwise: {body}")),
        }
        faults
    }

    /// Checks a value by the words that the description uses.
    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let schema = self.0.pointer(pointer).unwrap();
            return self.check(schema, value, at, faults);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = choices.iter().any(|choice| {
                let mut faults = Vec::new();
                self.check(choice, value, at, &mut faults);
                faults.is_empty()
            });
            if !fits {
                faults.push(format!("{at}: {value} is none of those described"));
            }
            return;
        }
        let kinds = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            kinds => kinds
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect(),
        };
        if !kinds.iter().any(|kind| is_kind(kind, value)) {
            faults.push(format!("{at}: {value} is described as {kinds:?}"));
        }
        let allowed = schema["enum"].as_array();
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            faults.push(format!("{at}: {value} is none of {allowed:?}"));
        }
        for item in value.as_array().into_iter().flatten() {
            self.check(&schema["items"], item, &format!("{at}[]"), faults);
        }
        if let Some(entries) = value.as_object() {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !entries.contains_key(name.as_str().unwrap()) {
                    faults.push(format!("{at}.{name} is missing"));
                }
            }
            for (name, value) in entries {
                let at = format!("{at}.{name}");
                match (
                    schema["properties"].get(name),
                    &schema["additionalProperties"],
                ) {
                    (Some(schema), _) => self.check(schema, value, &at, faults),
                    (None, Value::Bool(false)) => faults.push(format!("{at} is not described")),
                    (None, Value::Object(_)) => {
                        self.check(&schema["additionalProperties"], value, &at, faults);
                    }
                    (None, _) => {}
                }
            }
        }
    }
}

fn is_path(pattern: &str, path: &str) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(&path)
            .all(|(pattern, segment)| pattern == segment || pattern.starts_with('{'))
}

fn is_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
