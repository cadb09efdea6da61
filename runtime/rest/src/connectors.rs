//! `/connectors` and what is below it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tidegate_config::Properties;
use tidegate_config::connector::{ConnectorConfig, ConnectorRole, definition};
use tidegate_config::json::{Json as ConfigJson, flat};
use tidegate_herder::control::{Change, Control};
use tidegate_herder::info::{ConnectorInfo, ConnectorStatus, TaskInfo, TaskStatus};
use tidegate_herder::{Created, HerderError, InitialState};

use crate::access::Caller;
use crate::body::JsonObject;
use crate::error::Failure;
use crate::path::{self, Name, NameAndTask};
use crate::query::Query;

type Shared<C> = State<Arc<C>>;

pub(crate) async fn list<C: Control>(
    State(control): Shared<C>,
    caller: Caller,
    query: Query,
) -> Result<Response, Failure> {
    let mut names = control.connectors().await?;
    names.retain(|name| caller.may_see(name));
    if !query.has("expand") {
        return Ok(Json(names).into_response());
    }
    let mut expanded = Map::new();
    for name in names {
        let mut connector = Map::new();
        for what in query.values("expand") {
            let value = match what {
                "status" => control.status(&name).await.map(json),
                "info" => control.connector(&name).await.map(json),
                _ => continue,
            };
            match value {
                Ok(value) => drop(connector.insert(what.to_owned(), value)),
                // It was deleted while it was looked at.
                Err(HerderError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        expanded.insert(name, Value::Object(connector));
    }
    Ok(Json(expanded).into_response())
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

pub(crate) async fn create<C: Control>(
    State(control): Shared<C>,
    caller: Caller,
    headers: HeaderMap,
    JsonObject(entries): JsonObject,
) -> Result<Response, Failure> {
    let NewConnector {
        name,
        config,
        initial,
    } = NewConnector::of(entries)?;
    let config = named(&name, config)?;
    caller.check(config.name.as_str())?;
    let info = control.create(config, initial).await?;
    Ok(created(&headers, info))
}

/// The body of `POST /connectors`.
struct NewConnector {
    name: String,
    config: Properties,
    initial: InitialState,
}

impl NewConnector {
    fn of(entries: Vec<(String, ConfigJson)>) -> Result<Self, Failure> {
        let (mut name, mut config, mut initial) = (None, None, InitialState::default());
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("name", ConfigJson::Text(text)) => name = Some(text),
                ("config", ConfigJson::Object(entries)) => config = Some(flat(entries)?),
                ("initial_state", ConfigJson::Text(state)) => initial = initial_state(&state)?,
                ("name" | "initial_state", ConfigJson::Null) => {}
                ("name" | "config" | "initial_state", other) => {
                    return Err(Failure::bad_request(format!(
                        "\"{key}\" is {}",
                        other.kind()
                    )));
                }
                _ => {
                    let message = format!(
                        "Unrecognized field \"{key}\"; name, config and initial_state are known"
                    );
                    return Err(Failure::bad_request(message));
                }
            }
        }
        let config = config.ok_or_else(|| {
            Failure::bad_request(
                "the field \"config\" is missing; an object with the connector's keys is wanted",
            )
        })?;
        let name = name
            .or_else(|| config.get("name").cloned())
            .unwrap_or_default();
        Ok(Self {
            name,
            config,
            initial,
        })
    }
}

fn initial_state(text: &str) -> Result<InitialState, Failure> {
    match text.to_ascii_uppercase().as_str() {
        "RUNNING" => Ok(InitialState::Running),
        "PAUSED" => Ok(InitialState::Paused),
        "STOPPED" => Ok(InitialState::Stopped),
        _ => Err(Failure::bad_request(format!(
            "{text:?} is no initial_state; RUNNING, PAUSED or STOPPED is wanted"
        ))),
    }
}

/// The configuration under its name; a name that cannot work is said as any other wrong value.
fn named(name: &str, config: Properties) -> Result<ConnectorConfig, Failure> {
    let errors = definition(ConnectorRole::Source)
        .key("name")
        .map(|key| key.validate(Some(name)).errors);
    if let Some(errors) = errors.filter(|errors| !errors.is_empty()) {
        return Err(HerderError::Invalid(errors).into());
    }
    Ok(ConnectorConfig::of(name, config)?)
}

fn created(headers: &HeaderMap, info: ConnectorInfo) -> Response {
    let path = format!("/connectors/{}", path::path_segment(&info.name));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let location = host.map_or_else(|| path.clone(), |host| format!("http://{host}{path}"));
    (StatusCode::CREATED, [(LOCATION, location)], Json(info)).into_response()
}

pub(crate) async fn get<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<Json<ConnectorInfo>, Failure> {
    Ok(Json(control.connector(&name).await?))
}

pub(crate) async fn delete<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    control.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn config<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<Json<Properties>, Failure> {
    Ok(Json(control.connector(&name).await?.config))
}

pub(crate) async fn put_config<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
    headers: HeaderMap,
    JsonObject(entries): JsonObject,
) -> Result<Response, Failure> {
    Ok(
        match control.put_config(named(&name, flat(entries)?)?).await? {
            Created::Created(info) => created(&headers, info),
            Created::Updated(info) => Json(info).into_response(),
        },
    )
}

pub(crate) async fn patch_config<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
    JsonObject(entries): JsonObject,
) -> Result<Json<ConnectorInfo>, Failure> {
    Ok(Json(control.patch_config(&name, changes(entries)?).await?))
}

fn changes(entries: Vec<(String, ConfigJson)>) -> Result<Vec<Change>, Failure> {
    entries
        .into_iter()
        .map(|(key, value)| match value {
            ConfigJson::Text(text) => Ok((key, Some(text))),
            ConfigJson::Null => Ok((key, None)),
            other => Err(Failure::bad_request(format!(
                "the value of {key:?} is {}; a text is wanted, or null to remove the key",
                other.kind()
            ))),
        })
        .collect()
}

pub(crate) async fn status<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<Json<ConnectorStatus>, Failure> {
    let status = control.status(&name).await.map_err(Failure::from);
    status
        .map(Json)
        .map_err(|failure| failure.or_not_found(|| format!("No status found for connector {name}")))
}

pub(crate) async fn tasks<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<Json<Vec<TaskInfo>>, Failure> {
    Ok(Json(control.tasks(&name).await?))
}

pub(crate) async fn task_status<C: Control>(
    State(control): Shared<C>,
    NameAndTask(name, task): NameAndTask,
) -> Result<Json<TaskStatus>, Failure> {
    let status = control
        .task_status(&name, task)
        .await
        .map_err(Failure::from);
    status.map(Json).map_err(|failure| {
        failure.or_not_found(|| format!("No status found for task {name}-{task}"))
    })
}

pub(crate) async fn restart_task<C: Control>(
    State(control): Shared<C>,
    NameAndTask(name, task): NameAndTask,
) -> Result<StatusCode, Failure> {
    let restarted = control.restart_task(&name, task).await;
    restarted.map_err(|error| unknown(error, &name))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn restart<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
    query: Query,
) -> Result<Response, Failure> {
    let include_tasks = query.boolean("includeTasks", false);
    let only_failed = query.boolean("onlyFailed", false);
    let plan = control.restart(&name, include_tasks, only_failed).await;
    let plan = plan.map_err(|error| unknown(error, &name))?;
    Ok(if include_tasks || only_failed {
        (StatusCode::ACCEPTED, Json(plan)).into_response()
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

pub(crate) async fn pause<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    target(control.pause(&name).await, &name, StatusCode::ACCEPTED)
}

pub(crate) async fn resume<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    target(control.resume(&name).await, &name, StatusCode::ACCEPTED)
}

pub(crate) async fn stop<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    target(control.stop(&name).await, &name, StatusCode::NO_CONTENT)
}

/// Kafka Connect's words where a connector that is restarted is not there; a task that is not has its own.
fn unknown(error: HerderError, name: &str) -> Failure {
    match error {
        HerderError::NotFound(message) if message.starts_with("Connector ") => {
            HerderError::NotFound(format!("Unknown connector: {name}")).into()
        }
        other => other.into(),
    }
}

/// What workers of a cluster ask each other, signed with a key that they share (KIP-507, KIP-618). A worker on its own
/// has no such key.
pub(crate) async fn of_workers(_: Name) -> Failure {
    Failure::bad_request("Internal request missing required signature")
}

fn target(
    done: Result<(), HerderError>,
    name: &str,
    status: StatusCode,
) -> Result<StatusCode, Failure> {
    done.map_err(|error| {
        Failure::from(error).or_not_found(|| format!("Unknown connector {name}"))
    })?;
    Ok(status)
}

pub(crate) async fn topics<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<Json<Value>, Failure> {
    let topics = control.topics(&name).await?;
    let mut answer = Map::new();
    answer.insert(name, json!({"topics": topics}));
    Ok(Json(Value::Object(answer)))
}

pub(crate) async fn reset_topics<C: Control>(
    State(control): Shared<C>,
    Name(name): Name,
) -> Result<StatusCode, Failure> {
    control.reset_topics(&name).await?;
    Ok(StatusCode::ACCEPTED)
}
