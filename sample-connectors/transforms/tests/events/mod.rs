//! Change events as Debezium's connector for PostgreSQL makes them, and Connect's JSON of schemas and values.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use tidegate_sdk::model::{Field, Schema, SchemaType, Value};
use tidegate_sdk::{Header, Record};

/// An event: operation, row before, row after.
pub struct Event<'a> {
    pub op: &'a str,
    pub before: Json,
    pub after: Json,
}

/// A field of a schema.
pub fn field(name: &str, schema: Schema) -> Field {
    Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    }
}

/// A struct schema.
pub fn structure(name: &str, fields: Vec<Field>) -> Schema {
    Schema::new(SchemaType::Struct(fields)).named(name)
}

fn text() -> Schema {
    Schema::new(SchemaType::String)
}

fn long() -> Schema {
    Schema::new(SchemaType::Int64)
}

/// The schema of the recorded table's rows.
pub fn row_schema(prefix: &str) -> Schema {
    let name = Schema {
        default: Some("anon".into()),
        ..text().optional()
    };
    let mut price = Schema::decimal(2).optional();
    price
        .parameters
        .push(("connect.decimal.precision".to_owned(), "8".to_owned()));
    let fields = vec![
        field("id", Schema::new(SchemaType::Int32)),
        field("name", name),
        field("qty", Schema::new(SchemaType::Int32).optional()),
        field("price", price),
    ];
    structure(&format!("{prefix}.public.cust.Value"), fields)
}

/// The schema of envelopes of rows.
pub fn envelope_schema(prefix: &str, row: Schema) -> Schema {
    let mut snapshot = text().optional().named("io.debezium.data.Enum");
    snapshot.version = Some(1);
    snapshot.default = Some("false".into());
    snapshot.parameters = vec![(
        "allowed".to_owned(),
        "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"
            .to_owned(),
    )];
    let source = vec![
        field("version", text()),
        field("connector", text()),
        field("name", text()),
        field("ts_ms", long()),
        field("snapshot", snapshot),
        field("db", text()),
        field("sequence", text().optional()),
        field("ts_us", long().optional()),
        field("ts_ns", long().optional()),
        field("schema", text()),
        field("table", text()),
        field("txId", long().optional()),
        field("lsn", long().optional()),
        field("xmin", long().optional()),
    ];
    let transaction = vec![
        field("id", text()),
        field("total_order", long()),
        field("data_collection_order", long()),
    ];
    let row = row.optional();
    let fields = vec![
        field("before", row.clone()),
        field("after", row),
        field(
            "source",
            structure("io.debezium.connector.postgresql.Source", source),
        ),
        field(
            "transaction",
            structure("event.block", transaction).optional(),
        ),
        field("op", text()),
        field("ts_ms", long().optional()),
        field("ts_us", long().optional()),
        field("ts_ns", long().optional()),
    ];
    Schema {
        version: Some(2),
        ..structure(&format!("{prefix}.public.cust.Envelope"), fields)
    }
}

/// An envelope as JSON; `source` and `transaction` are put over what stands there otherwise.
pub fn envelope(prefix: &str, event: &Event<'_>, source: &Json, transaction: Json) -> Json {
    let mut whole = json!({
        "version": "3.4.1.Final", "connector": "postgresql", "name": prefix, "ts_ms": 1000,
        "snapshot": null, "db": "shop", "sequence": "[null,\"7\"]", "ts_us": 1_000_001,
        "ts_ns": 1_000_001_002, "schema": "public", "table": "cust", "txId": 921, "lsn": 7,
        "xmin": null,
    });
    for (key, value) in source.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    json!({
        "before": event.before, "after": event.after, "source": whole, "transaction": transaction,
        "op": event.op, "ts_ms": 2000, "ts_us": 2_000_001, "ts_ns": 2_000_001_002,
    })
}

/// A record with a value as JSON and a key `id`.
pub fn record(prefix: &str, id: &Json, schema: &Arc<Schema>, value: &Json) -> Record {
    let key = structure(
        &format!("{prefix}.public.cust.Key"),
        vec![field("id", Schema::new(SchemaType::Int32))],
    );
    let key = (!id.is_null()).then(|| Arc::new(key));
    Record {
        partition: Some(0),
        key: key
            .as_ref()
            .map_or(Value::Null, |key| from_json(&json!({ "id": id }), key)),
        key_schema: key,
        value: from_json(value, schema),
        value_schema: Some(Arc::clone(schema)),
        ..Record::new(format!("{prefix}.public.cust"), Value::Null)
    }
}

/// A tombstone after a record.
pub fn tombstone(record: &Record) -> Record {
    Record {
        value: Value::Null,
        value_schema: None,
        ..record.clone()
    }
}

/// A header of a text.
pub fn text_header(name: &str, value: &str) -> Header {
    Header {
        key: name.to_owned(),
        value: value.into(),
        schema: Some(Arc::new(text())),
    }
}

/// A value of a schema. Decimals stay the text that stands for them: transforms copy them.
pub fn from_json(json: &Json, schema: &Schema) -> Value {
    if json.is_null() {
        return Value::Null;
    }
    match &schema.kind {
        SchemaType::Int32 => Value::Int32(json.as_i64().unwrap() as i32),
        SchemaType::Int64 => Value::Int64(json.as_i64().unwrap()),
        SchemaType::String => json.as_str().unwrap().into(),
        SchemaType::Bytes => Value::Bytes(json.as_str().unwrap().as_bytes().to_vec()),
        SchemaType::Array(element) => {
            let elements = json.as_array().unwrap().iter();
            Value::Array(elements.map(|json| from_json(json, element)).collect())
        }
        SchemaType::Struct(fields) => {
            let values = fields.iter();
            let value = |field: &Field| from_json(&json[&field.name], &field.schema);
            Value::Struct(values.map(value).collect())
        }
        other => panic!("the type {}", other.name()),
    }
}

/// A value as Connect's JSON converter writes it, with its default where it is null.
pub fn payload(value: &Value, schema: Option<&Schema>) -> Json {
    let value = match (value, schema.and_then(|schema| schema.default.as_ref())) {
        (Value::Null, Some(default)) => default,
        _ => value,
    };
    match value {
        Value::Null => Json::Null,
        Value::Int32(number) => json!(number),
        Value::Int64(number) => json!(number),
        Value::String(text) => json!(text),
        Value::Bytes(text) => json!(std::str::from_utf8(text).unwrap()),
        Value::Array(elements) => {
            let element = match &schema.unwrap().kind {
                SchemaType::Array(element) => element,
                other => panic!("{other:?}"),
            };
            let elements = elements.iter();
            elements
                .map(|value| payload(value, Some(element)))
                .collect()
        }
        Value::Struct(values) => {
            let fields = schema.unwrap().fields();
            assert_eq!(fields.len(), values.len());
            let fields = fields.iter().zip(values);
            fields
                .map(|(field, value)| (field.name.clone(), payload(value, Some(&field.schema))))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

/// A schema as Connect's JSON converter writes it.
pub fn schema_json(schema: &Schema) -> Json {
    let mut json = Map::new();
    json.insert("type".to_owned(), json!(schema.kind.name()));
    json.insert("optional".to_owned(), json!(schema.optional));
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            json.insert(key.to_owned(), value);
        }
    };
    put("name", schema.name.as_ref().map(|name| json!(name)));
    put("version", schema.version.map(|version| json!(version)));
    put("doc", schema.doc.as_ref().map(|doc| json!(doc)));
    put(
        "default",
        schema.default.as_ref().map(|value| payload(value, None)),
    );
    let parameters = schema.parameters.iter();
    let parameters: Json = parameters
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect::<Map<String, Json>>()
        .into();
    put(
        "parameters",
        Some(parameters).filter(|_| !schema.parameters.is_empty()),
    );
    match &schema.kind {
        SchemaType::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                let mut json = schema_json(&field.schema);
                json["field"] = json!(field.name);
                json
            });
            put("fields", Some(fields.collect()));
        }
        SchemaType::Array(element) => put("items", Some(schema_json(element))),
        _ => {}
    }
    json.into()
}

/// Reads a schema that Connect's JSON converter wrote.
pub fn schema_of(json: &Json) -> Schema {
    let fields = |json: &Json| {
        let field_of = |json: &Json| field(json["field"].as_str().unwrap(), schema_of(json));
        json["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(field_of)
            .collect()
    };
    let kind = match json["type"].as_str().unwrap() {
        "int32" => SchemaType::Int32,
        "int64" => SchemaType::Int64,
        "string" => SchemaType::String,
        "bytes" => SchemaType::Bytes,
        "struct" => SchemaType::Struct(fields(json)),
        "array" => SchemaType::Array(Arc::new(schema_of(&json["items"]))),
        other => panic!("the type {other}"),
    };
    let parameters = json["parameters"].as_object().into_iter().flatten();
    Schema {
        optional: json["optional"].as_bool().unwrap(),
        name: json["name"].as_str().map(str::to_owned),
        version: json["version"].as_i64().map(|version| version as i32),
        parameters: parameters
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect(),
        ..Schema::new(kind)
    }
}
