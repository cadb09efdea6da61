//! Cases of converters, in both directions.

use serde_json::Value as Json;
use tidegate_convert::{Converter, RecordFailure, Role, converter};
use tidegate_model::{Column, Schema, Value};

use crate::notation::{bytes, config, member, optional, text, typed};
use crate::outcome::{Found, Outcome, Typed};

const TOPIC: &str = "topic";

pub fn run(case: &Json) -> Result<Outcome, String> {
    let role = if case.get("header") == Some(&Json::Bool(true)) {
        Role::Header
    } else {
        Role::Value
    };
    let from = member(case, "dir")? == "from";
    let found = match converter(text(member(case, "converter")?)?, role, &config(case)?) {
        Err(error) => Found::error(error.class(), error.to_string()),
        Ok(mut converter) if from => from_connect(case, converter.as_mut())?,
        Ok(mut converter) => to_connect(case, converter.as_mut())?,
    };
    Ok(Outcome {
        found,
        wanted: wanted(member(case, "expect")?, from)?,
    })
}

fn wanted(expect: &Json, from: bool) -> Result<Found, String> {
    let message = |error: &Json| {
        let message = error.get("message").and_then(Json::as_str);
        message.unwrap_or_default().to_owned()
    };
    if let Some(error) = optional(expect, "config_error") {
        return Ok(Found::ConfigError(message(error)));
    }
    if let Some(error) = optional(expect, "error") {
        return Ok(Found::ApplyError(message(error)));
    }
    Ok(if from {
        Found::Bytes(optional(expect, "bytes_b64").map(bytes).transpose()?)
    } else {
        Found::Value(typed(expect, "schema", "value")?)
    })
}

fn from_connect(case: &Json, converter: &mut dyn Converter) -> Result<Found, String> {
    let Typed { schema, value } = typed(case, "schema", "value")?;
    let encoded = value.as_ref().map(Value::to_encoded);
    let values: Column = [encoded.as_deref()].into_iter().collect();
    let schemas: Vec<Vec<u8>> = schema.iter().map(Schema::to_encoded).collect();
    let indexes = if schemas.is_empty() { vec![] } else { vec![0] };
    let mut failures = Vec::new();
    let column = converter.from_connect(TOPIC, &values, &indexes, &schemas, &mut failures);
    Ok(failed(failures).unwrap_or_else(|| {
        let entry = column.iter().next().flatten();
        Found::Bytes(entry.map(<[u8]>::to_vec))
    }))
}

fn to_connect(case: &Json, converter: &mut dyn Converter) -> Result<Found, String> {
    let input = match (optional(case, "bytes_b64"), optional(case, "text")) {
        (Some(encoded), _) => Some(bytes(encoded)?),
        (None, Some(json)) => Some(text(json)?.as_bytes().to_vec()),
        (None, None) => None,
    };
    let column: Column = [input.as_deref()].into_iter().collect();
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let column = converter.to_connect(TOPIC, &column, &mut schemas, &mut failures);
    if let Some(failed) = failed(failures) {
        return Ok(failed);
    }
    let index = column.schemas.first().copied().unwrap_or(-1);
    let schema = usize::try_from(index)
        .ok()
        .and_then(|index| schemas.get(index));
    let schema = schema.map(|schema| Schema::decode(schema).map_err(|error| error.to_string()));
    let value = column.values.iter().next().flatten();
    let value = value.map(|value| Value::decode(value).map_err(|error| error.to_string()));
    Ok(Found::Value(Typed {
        schema: schema.transpose()?,
        value: value.transpose()?,
    }))
}

fn failed(mut failures: Vec<RecordFailure>) -> Option<Found> {
    let error = failures.pop()?.error;
    Some(Found::error(error.class(), error.to_string()))
}
