//! The description of the API (OpenAPI 3.1), which `GET /openapi.json` answers with and `docs/openapi.json` holds.
//!
//! It is made of the table of routes; tests compare that with the router, and the description with what the program answers.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::routes::{METRICS, ROUTES, Route, WASM};
use crate::schemas::schemas;

/// What each operation can be answered with.
const FAILURES: [(u16, &str); 13] = [
    (400, "The request cannot be done as it is."),
    (401, "Nobody knows who calls."),
    (
        403,
        "The caller, or the worker's configuration, does not allow it.",
    ),
    (404, "There is no such connector, task, plugin or logger."),
    (406, "The client does not accept JSON."),
    (408, "The body did not come in time."),
    (
        409,
        "It goes against something that is there, or another change.",
    ),
    (413, "The body is too large."),
    (
        415,
        "The body is not said to be what is wanted, or is compressed.",
    ),
    (422, "The component cannot be used."),
    (500, "The worker failed; its log says why."),
    (501, "This worker cannot do it."),
    (
        503,
        "Not now: the worker starts, ends, or has too much to do.",
    ),
];

/// What may come of any operation.
const ALWAYS: [u16; 5] = [401, 403, 406, 500, 503];
/// And of one that has a body.
const WITH_BODY: [u16; 4] = [400, 408, 413, 415];

/// The description, as it is served.
static DESCRIPTION: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", description()));

pub(crate) async fn get() -> Response {
    let json = [(CONTENT_TYPE, "application/json")];
    (json, DESCRIPTION.as_str()).into_response()
}

fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.method.to_lowercase(), route.describe());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "description": "Kafka Connect's REST API.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

impl Route {
    fn describe(&self) -> Value {
        let mut described = json!({
            "operationId": self.id(),
            "summary": self.summary,
            "parameters": self.parameters(),
            "responses": self.responses(),
        });
        if let (Some(body), Some(described)) = (self.body, described.as_object_mut()) {
            let body = json!({"required": true, "content": content(body)});
            described.insert("requestBody".to_owned(), body);
        }
        described
    }

    /// The method and the words of the path.
    fn id(&self) -> String {
        let words = self.path.split(['/', '-', '.']);
        let words = words.filter(|word| !word.is_empty());
        let words = words.map(|word| match word.strip_prefix('{') {
            Some(name) => format!("by-{}", name.trim_end_matches('}')),
            None => word.to_owned(),
        });
        let words: Vec<_> = std::iter::once(self.method.to_lowercase())
            .chain(words)
            .collect();
        words.join("-")
    }

    fn parameters(&self) -> Vec<Value> {
        let segments = self.path.split('/');
        let names = segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let in_path = names.map(|name| {
            let kind = if name == "task" { "integer" } else { "string" };
            json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}})
        });
        let in_query = self.query.iter().map(|(name, about)| {
            json!({
                "name": name, "in": "query", "required": false, "description": about,
                "schema": {"type": "string"},
            })
        });
        in_path.chain(in_query).collect()
    }

    fn responses(&self) -> Value {
        let mut responses: Vec<(u16, Value)> = Vec::new();
        for (status, schema) in self.answers {
            let mut response = json!({"description": "It is done."});
            if let (Some(schema), Some(response)) = (schema, response.as_object_mut()) {
                response.insert("content".to_owned(), content(schema));
            }
            responses.push((*status, response));
        }
        let with_body = self.body.map_or(&[][..], |_| &WITH_BODY);
        let failures = self.failures.iter().chain(&ALWAYS).chain(with_body);
        for status in failures {
            let about = FAILURES.iter().find(|(known, _)| known == status);
            let about = about.map_or("", |(_, about)| *about);
            responses.push((
                *status,
                json!({"description": about, "content": content("Failure")}),
            ));
        }
        responses.sort_by_key(|(status, _)| *status);
        responses.dedup_by_key(|(status, _)| *status);
        let responses = responses.into_iter();
        Value::Object(
            responses
                .map(|(status, response)| (status.to_string(), response))
                .collect(),
        )
    }
}

/// JSON of a schema, or of a list of them.
fn content(schema: &str) -> Value {
    if schema == WASM {
        return json!({"application/wasm": {"schema": {"type": "string", "format": "binary"}}});
    }
    if schema == METRICS {
        return json!({"text/plain": {"schema": {"type": "string"}}});
    }
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let schema = match schema.strip_suffix("[]") {
        Some(name) => json!({"type": "array", "items": reference(name)}),
        None => reference(schema),
    };
    json!({"application/json": {"schema": schema}})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `$ref` below a value.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    match value {
                        Value::String(text) if key == "$ref" => drop(found.insert(text.clone())),
                        value => references(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_schema_is_used_and_every_reference_leads_somewhere() {
        let description = description();
        let mut used = BTreeSet::new();
        references(&description, &mut used);
        let there = description["components"]["schemas"].as_object().unwrap();
        let there = there
            .keys()
            .map(|name| format!("#/components/schemas/{name}"));
        assert_eq!(used, there.collect());
        let ids: BTreeSet<_> = ROUTES.iter().map(Route::id).collect();
        assert_eq!(ids.len(), ROUTES.len(), "two operations have one id");
    }

    /// `TIDEGATE_WRITE_REFERENCE=1` writes it.
    #[test]
    fn the_page_is_what_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        if std::env::var_os("TIDEGATE_WRITE_REFERENCE").is_some() {
            std::fs::write(path, DESCRIPTION.as_str()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == *DESCRIPTION,
            "docs/openapi.json is old; `make reference` writes it"
        );
    }
}
