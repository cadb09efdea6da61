//! The description of the API (OpenAPI 3.1), which `GET /openapi.json` answers with and `docs/openapi.json` holds.
//!
//! Each route of the router has its [`Operation`] here; a test of this module compares the two, others the description
//! with what the program answers.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::schemas::schemas;

/// A method of a path.
struct Operation {
    method: &'static str,
    path: &'static str,
    /// What it does.
    summary: &'static str,
    /// Keys of the query, each with what it does.
    query: &'static [(&'static str, &'static str)],
    /// The name of the schema of its body.
    body: Option<&'static str>,
    /// Its answers when all went well: status, and the name of the schema, which is in a list when it ends in `[]`.
    answers: &'static [(u16, Option<&'static str>)],
    /// Its other answers.
    failures: &'static [u16],
}

const GET: Operation = Operation {
    method: "get",
    path: "",
    summary: "",
    query: &[],
    body: None,
    answers: &[],
    failures: &[],
};

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

/// The only body that is not JSON.
const WASM: &str = "Wasm";
/// The only answer that is not JSON.
const METRICS: &str = "Metrics";

const EXPAND: (&str, &str) = (
    "expand",
    "status or info, or both when it is given twice: the answer has them for each connector.",
);

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/",
        summary: "The worker: its version and commit, and the id of the Kafka cluster.",
        answers: &[(200, Some("ServerInfo"))],
        ..GET
    },
    Operation {
        path: "/health",
        summary: "Whether the worker can do its work. 503 while it starts, 500 when it cannot.",
        answers: &[(200, Some("Health"))],
        ..GET
    },
    Operation {
        path: "/metrics",
        summary: "What is measured, as Prometheus reads it.",
        answers: &[(200, Some(METRICS))],
        ..GET
    },
    Operation {
        path: "/openapi.json",
        summary: "This description.",
        answers: &[(200, Some("Description"))],
        ..GET
    },
    Operation {
        path: "/connectors",
        summary: "The names of all connectors.",
        query: &[EXPAND],
        answers: &[(200, Some("Connectors"))],
        ..GET
    },
    Operation {
        method: "post",
        path: "/connectors",
        summary: "Creates a connector.",
        body: Some("NewConnector"),
        answers: &[(201, Some("ConnectorInfo"))],
        failures: &[409],
        ..GET
    },
    Operation {
        path: "/connectors/{name}",
        summary: "A connector with its configuration and tasks.",
        answers: &[(200, Some("ConnectorInfo"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "delete",
        path: "/connectors/{name}",
        summary: "Deletes a connector; its tasks end first, its offsets stay.",
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        path: "/connectors/{name}/config",
        summary: "The configuration of a connector.",
        answers: &[(200, Some("Config"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connectors/{name}/config",
        summary: "Creates a connector, or replaces its configuration.",
        body: Some("Config"),
        answers: &[(200, Some("ConnectorInfo")), (201, Some("ConnectorInfo"))],
        failures: &[409],
        ..GET
    },
    Operation {
        method: "patch",
        path: "/connectors/{name}/config",
        summary: "Changes keys of a connector's configuration; null removes one (KIP-477).",
        body: Some("ConfigChanges"),
        answers: &[(200, Some("ConnectorInfo"))],
        failures: &[404, 409],
        ..GET
    },
    Operation {
        path: "/connectors/{name}/status",
        summary: "The states of a connector and its tasks.",
        answers: &[(200, Some("ConnectorStatus"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "post",
        path: "/connectors/{name}/restart",
        summary: "Restarts a connector and, when asked, its tasks (KIP-745).",
        query: &[
            ("includeTasks", "true: its tasks too. Without it: false."),
            (
                "onlyFailed",
                "true: only what is FAILED. Without it: false.",
            ),
        ],
        answers: &[(202, Some("ConnectorStatus")), (204, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connectors/{name}/pause",
        summary: "Lets the tasks of a connector wait.",
        answers: &[(202, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connectors/{name}/resume",
        summary: "Lets a connector run again.",
        answers: &[(202, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connectors/{name}/stop",
        summary: "Ends the tasks of a connector until it is resumed (KIP-875).",
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        path: "/connectors/{name}/topics",
        summary: "The topics that a connector used since it was created or they were reset (KIP-558).",
        answers: &[(200, Some("ActiveTopics"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connectors/{name}/topics/reset",
        summary: "Forgets the topics that a connector used.",
        answers: &[(202, None)],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        path: "/connectors/{name}/offsets",
        summary: "Where a connector goes on (KIP-875).",
        answers: &[(200, Some("ConnectorOffsets"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "patch",
        path: "/connectors/{name}/offsets",
        summary: "Alters where a stopped connector goes on; a null offset is forgotten.",
        body: Some("ConnectorOffsets"),
        answers: &[(200, Some("Message"))],
        failures: &[404, 409],
        ..GET
    },
    Operation {
        method: "delete",
        path: "/connectors/{name}/offsets",
        summary: "Lets a stopped connector begin anew.",
        answers: &[(200, Some("Message"))],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        path: "/connectors/{name}/tasks",
        summary: "The tasks of a connector with their configurations.",
        answers: &[(200, Some("TaskInfo[]"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "post",
        path: "/connectors/{name}/tasks",
        summary: "Between workers of a cluster only; refused.",
        failures: &[400],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connectors/{name}/fence",
        summary: "Between workers of a cluster only; refused.",
        failures: &[400],
        ..GET
    },
    Operation {
        path: "/connectors/{name}/tasks/{task}/status",
        summary: "The state of a task.",
        answers: &[(200, Some("TaskStatus"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "post",
        path: "/connectors/{name}/tasks/{task}/restart",
        summary: "Restarts a task.",
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        path: "/connector-plugins",
        summary: "The plugins.",
        query: &[
            (
                "connectorsOnly",
                "false: transforms, predicates and converters too. Without it: true.",
            ),
            (
                "expand",
                "component: the components with their digests and the connectors that use them, instead.",
            ),
        ],
        answers: &[(200, Some("Plugins"))],
        ..GET
    },
    Operation {
        method: "post",
        path: "/connector-plugins",
        summary: "Uploads a component, whose plugins can be used at once. The same one again changes nothing.",
        body: Some(WASM),
        answers: &[(201, Some("Component")), (200, Some("Component"))],
        failures: &[409, 422],
        ..GET
    },
    Operation {
        path: "/connector-plugins/{class}",
        summary: "A component, by its digest or by a class of it.",
        query: &[(
            "version",
            "Which version of the class, where there are several.",
        )],
        answers: &[(200, Some("Component"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "delete",
        path: "/connector-plugins/{class}",
        summary: "Deletes an uploaded component that no connector uses, by its digest or by a class of it.",
        query: &[(
            "version",
            "Which version of the class, where there are several.",
        )],
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        ..GET
    },
    Operation {
        path: "/connector-plugins/{class}/config",
        summary: "The configuration keys of a plugin (KIP-769).",
        query: &[(
            "version",
            "Which version of the plugin, where there are several.",
        )],
        answers: &[(200, Some("ConfigKeyInfo[]"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "put",
        path: "/connector-plugins/{class}/config/validate",
        summary: "Checks a connector's configuration without creating it.",
        body: Some("Config"),
        answers: &[(200, Some("ConfigInfos"))],
        failures: &[404],
        ..GET
    },
    Operation {
        path: "/admin/loggers",
        summary: "All loggers with their levels (KIP-495).",
        answers: &[(200, Some("Loggers"))],
        ..GET
    },
    Operation {
        path: "/admin/loggers/{logger}",
        summary: "A logger.",
        answers: &[(200, Some("LoggerLevel"))],
        failures: &[400, 404],
        ..GET
    },
    Operation {
        method: "put",
        path: "/admin/loggers/{logger}",
        summary: "Sets the level of a logger and of all below it; answers with those that had another one.",
        query: &[(
            "scope",
            "worker, or cluster for all workers that run now (KIP-976). Without it: worker.",
        )],
        body: Some("NewLevel"),
        answers: &[(200, Some("Names")), (204, None)],
        ..GET
    },
];

/// The description, as it is served.
static DESCRIPTION: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", description()));

pub(crate) async fn get() -> Response {
    let json = [(CONTENT_TYPE, "application/json")];
    (json, DESCRIPTION.as_str()).into_response()
}

fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(operation.method.to_owned(), operation.describe());
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

impl Operation {
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
        let words: Vec<_> = std::iter::once(self.method.to_owned())
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
    use crate::router::routed;

    #[test]
    fn every_route_is_described_and_every_description_routed() {
        let described: BTreeSet<_> = OPERATIONS
            .iter()
            .map(|operation| (operation.method.to_uppercase(), operation.path.to_owned()))
            .collect();
        assert_eq!(described.len(), OPERATIONS.len(), "one is described twice");
        let routed = routed();
        assert!(
            routed.len() >= 30,
            "the router could not be read: {routed:?}"
        );
        let missing: Vec<_> = routed.difference(&described).collect();
        assert!(
            missing.is_empty(),
            "describe in openapi.rs what {missing:?} do"
        );
        let stale: Vec<_> = described.difference(&routed).collect();
        assert!(
            stale.is_empty(),
            "openapi.rs describes {stale:?}, which nobody routes"
        );
    }

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
        let ids: BTreeSet<_> = OPERATIONS.iter().map(Operation::id).collect();
        assert_eq!(ids.len(), OPERATIONS.len(), "two operations have one id");
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
