//! How cases write records, schemas and values. A case that is written wrongly is an error with what is wrong.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use tidegate_java::calendar::DAY_MS;
use tidegate_java::decimal::Decimal;
use tidegate_model::schema::{DATE, DECIMAL, TIME, TIMESTAMP};
use tidegate_model::{Field, Schema, SchemaType, Value};

use crate::outcome::{Record, Typed};

/// What is said of a value that its schema does not have. Kafka Connect may give such: it checks little.
pub const MISFIT: &str = "the value does not fit its schema";

type Result<T> = std::result::Result<T, String>;

/// A record.
pub fn record(json: &Json) -> Result<Record> {
    let none = Vec::new();
    let headers = json.get("headers").and_then(Json::as_array);
    let headers = headers.unwrap_or(&none).iter().map(|header| {
        let name = text(member(header, "key")?)?.to_owned();
        Ok((name, typed(header, "schema", "value")?))
    });
    Ok(Record {
        topic: text(member(json, "topic")?)?.to_owned(),
        partition: optional(json, "partition").map(number).transpose()?,
        offset: optional(json, "offset").map(number).transpose()?,
        timestamp: optional(json, "timestamp").map(number).transpose()?,
        key: typed(json, "key_schema", "key")?,
        value: typed(json, "value_schema", "value")?,
        headers: headers.collect::<Result<_>>()?,
    })
}

/// A value with its schema, under these two names.
pub fn typed(json: &Json, schema_name: &str, name: &str) -> Result<Typed> {
    let value = json.get(name).unwrap_or(&Json::Null);
    let Some(schema) = optional(json, schema_name) else {
        return Ok(Typed {
            schema: None,
            value: some(tagged(value)?),
        });
    };
    // The model has no arrays and maps whose elements have no schema: what holds one has no schema itself.
    if lacks_part(schema) {
        return Ok(Typed {
            schema: None,
            value: some(loose(schema, value).map_err(misfit)?),
        });
    }
    let schema = self::schema(schema)?;
    Ok(Typed {
        value: some(under(&schema, value).map_err(misfit)?),
        schema: Some(schema),
    })
}

fn misfit(problem: String) -> String {
    format!("{MISFIT}: {problem}")
}

/// Whether a schema is an array or map whose elements have none, or holds one.
fn lacks_part(schema: &Json) -> bool {
    let lacks = |part: &str| optional(schema, part).is_none_or(lacks_part);
    match schema.get("type").and_then(Json::as_str) {
        Some("array") => lacks("items"),
        Some("map") => lacks("keys") || lacks("values"),
        _ => false,
    }
}

/// A value that is written under a schema with missing parts.
fn loose(of: &Json, value: &Json) -> Result<Value> {
    if of.is_null() {
        return tagged(value);
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    let part = |name: &str| of.get(name).unwrap_or(&Json::Null);
    match of.get("type").and_then(Json::as_str) {
        Some("array") => {
            let elements = array(value)?.iter().map(|one| loose(part("items"), one));
            Ok(Value::Array(elements.collect::<Result<_>>()?))
        }
        Some("map") => {
            let entry = |pair: &Json| match array(pair)?.as_slice() {
                [key, value] => {
                    let key = match key.as_str() {
                        Some(text) if part("keys").is_null() => text.into(),
                        _ => loose(part("keys"), key)?,
                    };
                    Ok((key, loose(part("values"), value)?))
                }
                _ => Err(format!("{pair} is no entry of a map")),
            };
            let entries = array(value)?.iter().map(entry);
            Ok(Value::Map(entries.collect::<Result<_>>()?))
        }
        _ => under(&schema(of)?, value),
    }
}

/// The bytes of a text in Base64.
pub fn bytes(json: &Json) -> Result<Vec<u8>> {
    STANDARD
        .decode(text(json)?)
        .map_err(|error| error.to_string())
}

/// A configuration.
pub fn config(case: &Json) -> Result<std::collections::BTreeMap<String, String>> {
    let object = member(case, "config")?;
    let object = object.as_object().ok_or("config is no object")?;
    object
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            Ok((key.clone(), value))
        })
        .collect()
}

pub fn member<'a>(json: &'a Json, name: &str) -> Result<&'a Json> {
    json.get(name).ok_or_else(|| format!("{name} is not there"))
}

/// A member that is there and not null.
pub fn optional<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.get(name).filter(|value| !value.is_null())
}

pub fn text(json: &Json) -> Result<&str> {
    json.as_str().ok_or_else(|| format!("{json} is no text"))
}

fn some(value: Value) -> Option<Value> {
    Some(value).filter(|value| *value != Value::Null)
}

fn array(json: &Json) -> Result<&Vec<Json>> {
    json.as_array().ok_or_else(|| format!("{json} is no array"))
}

fn number<T: TryFrom<i64>>(json: &Json) -> Result<T> {
    let number = json.as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("{json} is no whole number of that type"))
}

fn schema(json: &Json) -> Result<Schema> {
    let word = json.as_str().or_else(|| json.get("type")?.as_str());
    let word = word.ok_or_else(|| format!("{json} is no schema"))?;
    let (word, marked) = match word.strip_suffix('?') {
        Some(word) => (word, true),
        None => (word, false),
    };
    let part = |name: &str| Ok::<_, String>(Arc::new(schema(member(json, name)?)?));
    let mut made = match word {
        "array" => Schema::new(SchemaType::Array(part("items")?)),
        "map" => Schema::new(SchemaType::Map(part("keys")?, part("values")?)),
        "struct" => {
            let none = Vec::new();
            let fields = json.get("fields").and_then(Json::as_array);
            let fields = fields.unwrap_or(&none).iter().map(field);
            Schema::new(SchemaType::Struct(fields.collect::<Result<_>>()?))
        }
        word => word_schema(word)?,
    };
    made.optional = marked || json.get("optional") == Some(&Json::Bool(true));
    let own = |name: &str| optional(json, name).map(text).transpose();
    if let Some(name) = own("name")? {
        made.name = Some(name.to_owned());
    }
    if let Some(doc) = own("doc")? {
        made.doc = Some(doc.to_owned());
    }
    if let Some(version) = optional(json, "version") {
        made.version = Some(number(version)?);
    }
    if let Some(parameters) = json.get("parameters").and_then(Json::as_object) {
        let parameters = parameters
            .iter()
            .map(|(key, value)| Ok((key.clone(), text(value)?.to_owned())));
        for (key, value) in parameters.collect::<Result<Vec<_>>>()? {
            made.parameters.retain(|(known, _)| *known != key);
            made.parameters.push((key, value));
        }
    }
    if let Some(default) = optional(json, "default") {
        let default = under(&made, default);
        made.default = Some(default.map_err(misfit)?);
    }
    Ok(made)
}

fn field(json: &Json) -> Result<Field> {
    let pair = array(json)?;
    let (Some(name), Some(of)) = (pair.first(), pair.get(1)) else {
        return Err(format!("{json} is no field"));
    };
    Ok(Field {
        name: text(name)?.to_owned(),
        schema: Arc::new(schema(of)?),
    })
}

fn word_schema(word: &str) -> Result<Schema> {
    Ok(match word {
        "date" => Schema::date(),
        "time" => Schema::time(),
        "timestamp" => Schema::timestamp(),
        "boolean" => Schema::new(SchemaType::Boolean),
        "int8" => Schema::new(SchemaType::Int8),
        "int16" => Schema::new(SchemaType::Int16),
        "int32" => Schema::new(SchemaType::Int32),
        "int64" => Schema::new(SchemaType::Int64),
        "float32" => Schema::new(SchemaType::Float32),
        "float64" => Schema::new(SchemaType::Float64),
        "string" => Schema::new(SchemaType::String),
        "bytes" => Schema::new(SchemaType::Bytes),
        other => {
            let scale = other.strip_prefix("decimal(");
            let scale = scale.and_then(|rest| rest.strip_suffix(')')?.parse().ok());
            Schema::decimal(scale.ok_or_else(|| format!("{other} is no type"))?)
        }
    })
}

/// A value under a schema.
fn under(schema: &Schema, json: &Json) -> Result<Value> {
    if json.is_null() {
        return Ok(Value::Null);
    }
    // Cast keeps the name of a logical type on what is none any more.
    match (schema.name.as_deref(), &schema.kind) {
        (Some(DATE), SchemaType::Int32) => return date(json),
        (Some(TIME), SchemaType::Int32) => return scalar("time", json),
        (Some(TIMESTAMP), SchemaType::Int64) => return scalar("timestamp", json),
        (Some(DECIMAL), SchemaType::Bytes) => return decimal(schema, json),
        _ => {}
    }
    match &schema.kind {
        SchemaType::Array(element) => {
            let elements = array(json)?.iter().map(|json| under(element, json));
            Ok(Value::Array(elements.collect::<Result<_>>()?))
        }
        SchemaType::Map(key_schema, value_schema) => {
            let entries: Result<_> = match json.as_object() {
                Some(object) => object
                    .iter()
                    .map(|(key, value)| {
                        let key = Json::String(key.clone());
                        Ok((under(key_schema, &key)?, under(value_schema, value)?))
                    })
                    .collect(),
                None => array(json)?
                    .iter()
                    .map(|pair| match array(pair)?.as_slice() {
                        [key, value] => Ok((under(key_schema, key)?, under(value_schema, value)?)),
                        _ => Err(format!("{pair} is no entry of a map")),
                    })
                    .collect(),
            };
            Ok(Value::Map(entries?))
        }
        SchemaType::Struct(fields) => {
            let value = |field: &Field| {
                let json = json.get(&field.name).unwrap_or(&Json::Null);
                under(&field.schema, json)
            };
            Ok(Value::Struct(
                fields.iter().map(value).collect::<Result<_>>()?,
            ))
        }
        kind => scalar(kind.name(), json),
    }
}

/// What a case expects. A logical type is written as its name alone; a cast of the whole keeps that name and changes
/// the type under it to that of its spec.
pub fn expectation(case: &Json) -> Result<Json> {
    let mut expect = member(case, "expect")?.clone();
    let (part, schema) = match text(member(case, "smt")?)? {
        "Cast$Key" => ("key", "key_schema"),
        "Cast$Value" => ("value", "value_schema"),
        _ => return Ok(expect),
    };
    let spec = case.get("config").and_then(|config| config.get("spec"));
    let spec = spec.and_then(Json::as_str).unwrap_or_default().trim();
    let is_null = |input: &Json| optional(input, part).is_none();
    if spec.contains(':') || case.get("input").is_none_or(is_null) {
        return Ok(expect);
    }
    let record = expect.get_mut("record");
    let place = record.and_then(|record| record.get_mut(schema));
    if let Some((word, place)) = place.and_then(|place| Some((place.as_str()?.to_owned(), place))) {
        let cast = self::schema(&Json::String(word))?;
        let parameters: serde_json::Map<_, _> = cast
            .parameters
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect();
        *place = serde_json::json!({
            "type": spec.to_lowercase(), "optional": cast.optional, "name": cast.name,
            "version": cast.version, "parameters": parameters,
        });
    }
    Ok(expect)
}

/// A decimal under a schema. One of a negative scale may be written with all its zeros.
fn decimal(schema: &Schema, json: &Json) -> Result<Value> {
    let scale = schema.parameters.iter().find(|(key, _)| key == "scale");
    let scale = scale.and_then(|(_, scale)| scale.parse::<i32>().ok());
    match scale.and_then(|scale| usize::try_from(-i64::from(scale)).ok()) {
        Some(zeros) if zeros > 0 => match text(json)?.strip_suffix(&"0".repeat(zeros)) {
            Some(digits) => scalar("decimal", &Json::String(format!("{digits}E{zeros}"))),
            None => scalar("decimal", json),
        },
        _ => scalar("decimal", json),
    }
}

/// A date under a schema. Kafka Connect's Cast leaves the bare number of days under that name, which is a date here.
fn date(json: &Json) -> Result<Value> {
    match number::<i32>(json) {
        Ok(days) if i64::from(days) % DAY_MS != 0 => Ok(Value::Date(days)),
        _ => scalar("date", json),
    }
}

/// A value without a schema: its type is its tag.
fn tagged(json: &Json) -> Result<Value> {
    if json.is_null() {
        return Ok(Value::Null);
    }
    let object = json.as_object().and_then(|object| object.iter().next());
    let (tag, json) = object.ok_or_else(|| format!("{json} is no value with a tag"))?;
    match tag.as_str() {
        "map" => {
            let object = json.as_object();
            let entries = object
                .ok_or_else(|| format!("{json} is no map"))?
                .iter()
                .map(|(key, value)| Ok((Value::from(key.as_str()), tagged(value)?)));
            Ok(Value::Map(entries.collect::<Result<_>>()?))
        }
        // A map whose keys are not all texts.
        "pairs" => {
            let entry = |pair: &Json| match array(pair)?.as_slice() {
                [key, value] => Ok((tagged(key)?, tagged(value)?)),
                _ => Err(format!("{pair} is no entry of a map")),
            };
            let entries = array(json)?.iter().map(entry);
            Ok(Value::Map(entries.collect::<Result<_>>()?))
        }
        "list" => {
            let elements = array(json)?.iter().map(tagged);
            Ok(Value::Array(elements.collect::<Result<_>>()?))
        }
        // A `java.util.Date`, which without a schema is a moment and nothing more.
        "date" => Ok(Value::Timestamp(number(json)?)),
        tag => scalar(tag, json),
    }
}

fn scalar(tag: &str, json: &Json) -> Result<Value> {
    Ok(match tag {
        "boolean" => Value::Boolean(
            json.as_bool()
                .ok_or_else(|| format!("{json} is no boolean"))?,
        ),
        "int8" => Value::Int8(number(json)?),
        "int16" => Value::Int16(number(json)?),
        "int32" => Value::Int32(number(json)?),
        "int64" => Value::Int64(number(json)?),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "cases write float32 as its nearest number"
        )]
        "float32" => Value::Float32(float(json)? as f32),
        "float64" => Value::Float64(float(json)?),
        "string" => text(json)?.into(),
        "bytes" => Value::Bytes(bytes(json)?),
        "date" => {
            let days = number::<i64>(json)? / DAY_MS;
            Value::Date(i32::try_from(days).map_err(|error| error.to_string())?)
        }
        "time" => Value::Time(number(json)?),
        "timestamp" => Value::Timestamp(number(json)?),
        // A decimal without a fraction: the model has no large whole numbers of their own.
        "decimal" | "bigint" => {
            let decimal = Decimal::parse(text(json)?);
            let decimal = decimal.ok_or_else(|| format!("{json} is no decimal"))?;
            Value::Decimal {
                scale: decimal.scale,
                unscaled: decimal.unscaled,
            }
        }
        other => return Err(format!("{other} is no type")),
    })
}

fn float(json: &Json) -> Result<f64> {
    let parsed = match json.as_str() {
        Some(text) => text.parse().ok(),
        None => json.as_f64(),
    };
    parsed.ok_or_else(|| format!("{json} is no number"))
}
