//! `/connectors/{name}/offsets` (KIP-875).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use tidegate_herder::control::Control;
use tidegate_herder::info::{ConnectorOffset, ConnectorOffsets};

use crate::body::RawObject;
use crate::error::Failure;
use crate::path::Name;

pub(crate) async fn get<C: Control>(
    State(control): State<Arc<C>>,
    Name(name): Name,
) -> Result<Json<ConnectorOffsets>, Failure> {
    Ok(Json(control.offsets(&name).await?))
}

pub(crate) async fn alter<C: Control>(
    State(control): State<Arc<C>>,
    Name(name): Name,
    RawObject(body): RawObject,
) -> Result<Json<Value>, Failure> {
    let message = control.alter_offsets(&name, offsets(body)?).await?;
    Ok(Json(json!({ "message": message })))
}

pub(crate) async fn reset<C: Control>(
    State(control): State<Arc<C>>,
    Name(name): Name,
) -> Result<Json<Value>, Failure> {
    let message = control.reset_offsets(&name).await?;
    Ok(Json(json!({ "message": message })))
}

/// The body of a PATCH: `{"offsets": [{"partition": {…}, "offset": {…}}]}`.
fn offsets(mut body: Map<String, Value>) -> Result<Vec<ConnectorOffset>, Failure> {
    let offsets = body.remove("offsets").unwrap_or_default();
    only_known(&body, "offsets is known")?;
    match offsets {
        Value::Array(offsets) if !offsets.is_empty() => offsets.into_iter().map(offset).collect(),
        Value::Array(_) | Value::Null => Err(Failure::bad_request(
            "Partitions / offsets need to be provided for an alter offsets request",
        )),
        other => Err(Failure::bad_request(format!(
            "\"offsets\" is {other}; a list is wanted"
        ))),
    }
}

fn offset(entry: Value) -> Result<ConnectorOffset, Failure> {
    let Value::Object(mut entry) = entry else {
        return Err(Failure::bad_request(format!(
            "{entry} was found in \"offsets\"; an object with partition and offset is wanted"
        )));
    };
    let mut take = |key: &str| match entry.remove(key).unwrap_or_default() {
        value @ (Value::Object(_) | Value::Null) => Ok(value),
        other => Err(Failure::bad_request(format!(
            "\"{key}\" is {other}; an object is wanted, or null"
        ))),
    };
    let offset = ConnectorOffset {
        partition: take("partition")?,
        offset: take("offset")?,
    };
    only_known(&entry, "partition and offset are known")?;
    Ok(offset)
}

fn only_known(rest: &Map<String, Value>, known: &str) -> Result<(), Failure> {
    match rest.keys().next() {
        None => Ok(()),
        Some(key) => Err(Failure::bad_request(format!(
            "Unrecognized field \"{key}\"; {known}"
        ))),
    }
}
