//! Cases of Avro's and Connect's schemas and values, which were recorded with Confluent's `AvroData`
//! (recorder/record-avro.sh). They need no registry.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tidegate_convert::OfflineAvro;
use tidegate_model::{Schema, Value};

use crate::notation::{MISFIT, bytes, config, member, optional, text, typed};
use crate::outcome::{Found, Outcome, Typed, sorted};

/// What is refused on purpose with a message that has this text, or is answered where `AvroData` fails with a message
/// that has the second. They are in `docs/differences.md` too.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "Can't redefine",
        "",
        "two types of one name cannot be told apart when they are read",
    ),
    (
        "in the field",
        "",
        "a type that stands for another one of its name is refused before a value comes",
    ),
    (
        "contains itself",
        "",
        "a schema that contains itself is refused",
    ),
    ("were found for a fixed of", "", "bytes are not cut"),
    ("greater than fixed size", "", "bytes are not cut"),
    (
        "underlying representation should be",
        "",
        "a schema is looked at before its values",
    ),
    (
        "",
        "Range [",
        "decimals of a fixed size are filled up, as newer versions do",
    ),
    (
        "",
        "Mismatching struct schema",
        "the default of a struct stands for null",
    ),
    (
        "bytes follow the value",
        "",
        "bytes after the value are refused",
    ),
    (
        "",
        "GenericData$Array",
        "entries with texts as keys are read",
    ),
    (
        "",
        "Invalid type for MAP: class java.util.HashMap",
        "unions are read by the branch that was written",
    ),
    (
        "",
        "Zero length BigInteger",
        "a default that is no decimal is passed over",
    ),
    (
        "",
        "Mismatched versions",
        "a logical type keeps its version, whatever the registry's",
    ),
    (
        "",
        "Did not find matching union field",
        "unions are read by the branch that was written",
    ),
    (
        "",
        "is not a valid field name",
        "unions are read by the branch that was written",
    ),
    (
        "",
        "Invalid Java object for schema",
        "unions are read by the branch that was written",
    ),
    (
        "",
        "Not a record: ",
        "unions are written by the field that is set",
    ),
    (
        "",
        "Struct schemas do not match",
        "the default of a struct stands for null",
    ),
    (
        "",
        "Fixed size ",
        "unions are written by the field that is set",
    ),
    (
        "",
        "Not a map: ",
        "unions are written by the field that is set",
    ),
    (
        "",
        "Not an array: ",
        "unions are written by the field that is set",
    ),
    ("", "Cannot invoke", "no error of Java's own"),
    ("", "Schema fields not set yet", "no error of Java's own"),
];

fn avro(config: &BTreeMap<String, String>) -> OfflineAvro {
    let mut config = config.clone();
    let url = "http://nowhere".to_owned();
    config.insert("schema.registry.url".to_owned(), url);
    OfflineAvro::new(&config).unwrap()
}

/// Runs a case: `from` Connect or `to` it.
pub fn run(case: &Json) -> Result<Outcome, String> {
    let expect = member(case, "expect")?;
    let error = optional(expect, "error").and_then(|error| error.get("message"));
    let error =
        error.map(|message| Found::ApplyError(message.as_str().unwrap_or_default().to_owned()));
    if member(case, "avro")? == "from" {
        from_connect(case, expect, error)
    } else {
        to_connect(case, expect, error)
    }
}

fn from_connect(case: &Json, expect: &Json, error: Option<Found>) -> Result<Outcome, String> {
    let Typed { schema, value } = typed(case, "schema", "value")?;
    let encoded = schema.as_ref().map(Schema::to_encoded);
    if let Some(Err(error)) = encoded.as_deref().map(Schema::decode) {
        return Err(format!("{MISFIT}: {error}"));
    }
    let avro = avro(&config(case)?);
    let written = match value {
        None | Some(Value::Null) => avro.write_null(encoded.as_deref()).map(|text| (text, None)),
        Some(value) => avro.write_message(encoded.as_deref(), &value.to_encoded()),
    };
    let wanted = match error {
        Some(error) => error,
        None => Found::Avro(
            same_text(text(member(expect, "avro_schema")?)?),
            optional(expect, "bytes_b64").map(bytes).transpose()?,
        ),
    };
    let found = match written {
        Err(error) => Found::error(error.class(), error.to_string()),
        Ok((schema, found)) => match (same_text(&schema), &wanted) {
            (text, Found::Avro(_, wanted))
                if same_value(&schema, found.as_deref(), wanted.as_deref()) =>
            {
                Found::Avro(text, wanted.clone())
            }
            (text, _) => Found::Avro(text, found),
        },
    };
    Ok(Outcome { found, wanted })
}

/// JSON with numbers and escapes written in one way.
fn same_text(schema: &str) -> String {
    let json: Json = serde_json::from_str(schema).unwrap();
    json.to_string()
}

/// Whether bytes differ in the order of maps' entries only.
fn same_value(schema: &str, found: Option<&[u8]>, wanted: Option<&[u8]>) -> bool {
    let (Some(found), Some(wanted)) = (found, wanted) else {
        return false;
    };
    if found.len() != wanted.len() {
        return false;
    }
    let read = |bytes: &[u8]| {
        let (_, value) = avro(&BTreeMap::new()).read(schema, bytes).ok()?;
        let value = Value::decode(&value?).unwrap();
        Some(format!("{:?}", sorted(value)))
    };
    read(found).is_some_and(|value| Some(value) == read(wanted))
}

fn to_connect(case: &Json, expect: &Json, error: Option<Found>) -> Result<Outcome, String> {
    let schema = text(member(case, "avro_schema")?)?;
    let body = bytes(member(case, "bytes_b64")?)?;
    let version = optional(case, "version").and_then(Json::as_i64);
    let version = version.map(|version| i32::try_from(version).unwrap());
    let found = match avro(&config(case)?)
        .with_version(version)
        .read(schema, &body)
    {
        Err(error) => Found::error(error.class(), error.to_string()),
        // The converter gives null no schema.
        Ok((_, None)) => Found::Value(Typed::default()),
        Ok((schema, Some(value))) => Found::Value(Typed {
            schema: schema.map(|schema| Schema::decode(&schema).unwrap()),
            value: Some(Value::decode(&value).unwrap()),
        }),
    };
    let wanted = match error {
        Some(error) => error,
        None => Found::Value(typed(expect, "schema", "value")?),
    };
    Ok(Outcome { found, wanted })
}

/// Why what was found differs on purpose.
pub fn reason(outcome: &Outcome) -> Option<&'static str> {
    let message = |found: &Found| found.message().unwrap_or_default().to_owned();
    let (found, wanted) = (message(&outcome.found), message(&outcome.wanted));
    let known = DIFFERENT
        .iter()
        .find(|(ours, theirs, _)| found.contains(ours) && wanted.contains(theirs));
    let null = Typed::default();
    let nulls = matches!(&outcome.wanted, Found::Value(typed) if typed.schema.is_none() && typed.value == null.value);
    match known {
        Some((_, _, reason)) => Some(reason),
        None if nulls && !found.is_empty() => Some("a schema is looked at before its values"),
        None => None,
    }
}
