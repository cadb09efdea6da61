//! The schemas of bodies and answers, for the description of the API. The types themselves are in
//! `tidegate_herder::info`; a test compares what the program answers with these.

use serde_json::{Map, Value, json};

/// A text.
fn text() -> Value {
    json!({"type": "string"})
}

fn nullable_text() -> Value {
    json!({"type": ["string", "null"]})
}

fn integer() -> Value {
    json!({"type": "integer"})
}

fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object with these properties, all of which are there unless the name ends in `?`.
fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<_> = properties
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.ends_with('?'))
        .collect();
    let properties: Map<_, _> = properties
        .iter()
        .map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone()))
        .collect();
    json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    })
}

/// An object with any keys.
fn map(of: Value) -> Value {
    json!({"type": "object", "additionalProperties": of})
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// What the state of a connector and that of a task have in common.
fn state() -> Vec<(&'static str, Value)> {
    let states = one_of(&[
        "UNASSIGNED",
        "RUNNING",
        "PAUSED",
        "STOPPED",
        "FAILED",
        "RESTARTING",
    ]);
    vec![
        ("state", states),
        ("worker_id", text()),
        ("version", nullable_text()),
        ("trace?", text()),
    ]
}

/// All schemas by name.
pub(crate) fn schemas() -> Value {
    let mut schemas = of_connectors();
    schemas.extend(of_plugins());
    schemas.extend(of_the_worker());
    let schemas = schemas.into_iter();
    Value::Object(
        schemas
            .map(|(name, schema)| (name.to_owned(), schema))
            .collect(),
    )
}

fn of_connectors() -> Vec<(&'static str, Value)> {
    let kind = || one_of(&["source", "sink", "unknown"]);
    // What a client sends: numbers and booleans are taken as their texts, null as if the key was not there.
    let value = json!({"type": ["string", "number", "boolean", "null"]});
    let expanded = object(&[
        ("status?", schema("ConnectorStatus")),
        ("info?", schema("ConnectorInfo")),
    ]);
    let any_object = json!({"type": ["object", "null"]});
    let task_state: Vec<_> = std::iter::once(("id", integer())).chain(state()).collect();
    vec![
        (
            "Connectors",
            json!({"oneOf": [list(text()), map(expanded)]}),
        ),
        (
            "NewConnector",
            object(&[
                ("name?", text()),
                ("config", schema("Config")),
                ("initial_state?", json!({"type": ["string", "null"]})),
            ]),
        ),
        ("Config", map(value.clone())),
        ("ConfigChanges", map(value)),
        (
            "ConnectorInfo",
            object(&[
                ("name", text()),
                ("config", map(text())),
                ("tasks", list(schema("TaskRef"))),
                ("type", kind()),
            ]),
        ),
        (
            "TaskRef",
            object(&[("connector", text()), ("task", integer())]),
        ),
        (
            "TaskInfo",
            object(&[("id", schema("TaskRef")), ("config", map(text()))]),
        ),
        (
            "ConnectorStatus",
            object(&[
                ("name", text()),
                ("connector", object(&state())),
                ("tasks", list(schema("TaskStatus"))),
                ("type", kind()),
                ("upgrade?", schema("Upgrade")),
            ]),
        ),
        (
            "Upgrade",
            object(&[
                ("state", one_of(&["TRIAL", "DONE", "ROLLED_BACK"])),
                ("from", schema("Config")),
                ("to", schema("Config")),
                ("at_ms", integer()),
                ("trace?", text()),
            ]),
        ),
        (
            "Component",
            object(&[
                ("digest", text()),
                ("bytes", integer()),
                ("uploaded", json!({"type": "boolean"})),
                ("owner?", text()),
                ("imports", list(text())),
                (
                    "plugins",
                    list(object(&[
                        ("class", text()),
                        ("aliases", list(text())),
                        (
                            "type",
                            one_of(&["source", "sink", "transformation", "predicate"]),
                        ),
                        ("version", text()),
                        ("documentation", text()),
                        ("grants", list(object(&[("key", text()), ("what", text())]))),
                        ("config", list(schema("ConfigKeyInfo"))),
                    ])),
                ),
                ("connectors", list(text())),
            ]),
        ),
        (
            "Plugins",
            json!({"oneOf": [list(schema("PluginSummary")), list(schema("Component"))]}),
        ),
        ("TaskStatus", object(&task_state)),
        ("ActiveTopics", map(object(&[("topics", list(text()))]))),
        (
            "ConnectorOffsets",
            object(&[(
                "offsets",
                list(object(&[
                    ("partition", any_object.clone()),
                    ("offset", any_object),
                ])),
            )]),
        ),
        ("Message", object(&[("message", text())])),
    ]
}

fn of_plugins() -> Vec<(&'static str, Value)> {
    let kinds = one_of(&[
        "source",
        "sink",
        "transformation",
        "predicate",
        "converter",
        "header_converter",
    ]);
    let value = object(&[
        ("name", text()),
        ("value", nullable_text()),
        ("recommended_values", list(text())),
        ("errors", list(text())),
        ("visible", json!({"type": "boolean"})),
    ]);
    let definition = json!({"oneOf": [schema("ConfigKeyInfo"), {"type": "null"}]});
    vec![
        (
            "PluginSummary",
            object(&[("class", text()), ("type", kinds), ("version", text())]),
        ),
        (
            "ConfigKeyInfo",
            object(&[
                ("name", text()),
                ("type", text()),
                ("required", json!({"type": "boolean"})),
                ("default_value", nullable_text()),
                ("importance", one_of(&["HIGH", "MEDIUM", "LOW"])),
                ("documentation", text()),
                ("group", nullable_text()),
                ("order_in_group", integer()),
                ("width", one_of(&["NONE", "SHORT", "MEDIUM", "LONG"])),
                ("display_name", text()),
                ("dependents", list(text())),
            ]),
        ),
        (
            "ConfigInfos",
            object(&[
                ("name", text()),
                ("error_count", integer()),
                ("groups", list(text())),
                (
                    "configs",
                    list(object(&[("definition", definition), ("value", value)])),
                ),
            ]),
        ),
    ]
}

fn of_the_worker() -> Vec<(&'static str, Value)> {
    vec![
        (
            "ServerInfo",
            object(&[
                ("version", text()),
                ("commit", text()),
                ("kafka_cluster_id", text()),
            ]),
        ),
        (
            "Health",
            object(&[
                ("status", one_of(&["healthy", "starting", "unhealthy"])),
                ("message", text()),
            ]),
        ),
        ("Loggers", map(schema("LoggerLevel"))),
        (
            "LoggerLevel",
            object(&[
                ("level", text()),
                ("last_modified", json!({"type": ["integer", "null"]})),
            ]),
        ),
        ("NewLevel", object(&[("level", text())])),
        ("Names", list(text())),
        (
            "Failure",
            object(&[("error_code", integer()), ("message", text())]),
        ),
        ("Description", json!({"type": "object"})),
    ]
}
