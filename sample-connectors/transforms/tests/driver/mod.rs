//! One transform over one record.

use std::sync::Arc;

use tidegate_sdk::model::{Field, MapShape, Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::{apply_chain, pairs};
use tidegate_sdk::{Chain, Error, ErrorKind, PluginSet, Record, Result, Step};
use tidegate_transforms::ComponentPlugins;

/// A transform, or what is wrong with its configuration.
pub fn chain(class: &str, config: &[(&str, &str)]) -> Result<Chain> {
    let step = Step {
        class_name: format!("org.apache.kafka.connect.transforms.{class}"),
        config: pairs(config),
        condition: None,
    };
    Chain::configure(&ComponentPlugins::plugins(), vec![step])
}

/// The one output of a transform that changes records singly, which must be well-formed.
pub fn apply(class: &str, config: &[(&str, &str)], record: &Record) -> Result<Record> {
    let mut chain = chain(class, config).unwrap();
    let done = chain.apply(batch_of([record])).unwrap();
    done.batch.check().unwrap();
    for value in done
        .batch
        .iter_values()
        .chain(done.batch.iter_keys())
        .flatten()
    {
        tidegate_sdk::model::value::check(value).unwrap();
    }
    for schema in &done.batch.schemas {
        assert!(MapShape::decode(schema).is_ok() || Schema::decode(schema).is_ok());
    }
    let mut outputs = apply_chain(&mut chain, record)?;
    assert_eq!(outputs.len(), 1);
    Ok(outputs.remove(0))
}

/// The message of a record's error.
pub fn data_error(class: &str, config: &[(&str, &str)], record: &Record) -> String {
    message(apply(class, config, record).unwrap_err(), ErrorKind::Data)
}

/// The message of a refused configuration, and its key.
pub fn config_error(class: &str, config: &[(&str, &str)]) -> (String, String) {
    let error = chain(class, config).unwrap_err();
    let key = error.key().unwrap_or_default().to_owned();
    (message(error, ErrorKind::Config), key)
}

fn message(error: Error, kind: ErrorKind) -> String {
    assert_eq!(error.kind(), kind, "{error}");
    error.message().to_owned()
}

/// A record whose value has a schema.
pub fn under(schema: Schema, value: impl Into<Value>) -> Record {
    Record {
        value_schema: Some(Arc::new(schema)),
        ..Record::new("t", value)
    }
}

/// A record whose value is a struct of these fields.
pub fn structure(fields: &[(&str, Schema, Value)]) -> Record {
    let schema = struct_schema(
        fields
            .iter()
            .map(|(name, schema, _)| (*name, schema.clone())),
    );
    let values = fields.iter().map(|(_, _, value)| value.clone()).collect();
    under(schema, Value::Struct(values))
}

pub fn struct_schema<'a>(fields: impl IntoIterator<Item = (&'a str, Schema)>) -> Schema {
    let field = |(name, schema): (&str, Schema)| Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    };
    Schema::new(SchemaType::Struct(fields.into_iter().map(field).collect()))
}

pub fn of(kind: SchemaType) -> Schema {
    Schema::new(kind)
}

pub fn with_default(kind: SchemaType, default: impl Into<Value>) -> Schema {
    Schema {
        default: Some(default.into()),
        ..Schema::new(kind)
    }
}

/// A map without a schema.
pub fn map(entries: &[(&str, Value)]) -> Value {
    let entry = |(key, value): &(&str, Value)| (Value::from(*key), value.clone());
    Value::Map(entries.iter().map(entry).collect())
}

pub fn decimal(text: &str) -> Value {
    let tidegate_java::decimal::Decimal { scale, unscaled } =
        tidegate_java::decimal::Decimal::parse(text).unwrap();
    Value::Decimal { scale, unscaled }
}
