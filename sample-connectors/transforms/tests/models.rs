//! The transforms beside plain models of them on trees of values, with made-up records.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod driver;

use std::sync::Arc;

use driver::{apply, map, struct_schema};
use proptest::prelude::*;
use tidegate_sdk::model::{Schema, SchemaType, Value};
use tidegate_sdk::record::{batch_of, records};
use tidegate_sdk::{Record, Result};

const TYPES: [&str; 8] = [
    "int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string",
];

/// A cast in the plainest words; `None`: it fails.
fn cast(value: &Value, to: &str) -> Option<Value> {
    let number: f64 = match value {
        Value::Null => return Some(Value::Null),
        Value::String(text) => return cast_text(text, to),
        Value::Boolean(truth) if to == "string" => return Some(truth.to_string().as_str().into()),
        Value::Boolean(truth) => f64::from(u8::from(*truth)),
        Value::Int32(number) if to == "string" => return Some(number.to_string().as_str().into()),
        Value::Int32(number) => f64::from(*number),
        Value::Float64(number) if to == "string" => {
            let mut text = Vec::new();
            tidegate_java::number::double(*number, &mut text);
            return Some(Value::from(String::from_utf8(text).unwrap()));
        }
        Value::Float64(number) => *number,
        _ => return None,
    };
    // Every int32 is a float64, and a cast of one to int32 is what Java does first for smaller types.
    Some(match to {
        "int8" => Value::Int8(number as i32 as i8),
        "int16" => Value::Int16(number as i32 as i16),
        "int32" => Value::Int32(number as i32),
        "int64" => Value::Int64(number as i64),
        "float32" => Value::Float32(number as f32),
        "float64" => Value::Float64(number),
        _ => Value::Boolean(number as i64 != 0),
    })
}

fn cast_text(text: &str, to: &str) -> Option<Value> {
    Some(match to {
        "int8" => Value::Int8(text.parse().ok()?),
        "int16" => Value::Int16(text.parse().ok()?),
        "int32" => Value::Int32(text.parse().ok()?),
        "int64" => Value::Int64(text.parse().ok()?),
        "float32" => Value::Float32(text.parse().ok()?),
        "float64" => Value::Float64(text.parse().ok()?),
        "boolean" => Value::Boolean(text.to_lowercase() == "true"),
        _ => text.into(),
    })
}

fn mask(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Boolean(_) => false.into(),
        Value::Int32(_) => 0_i32.into(),
        Value::Float64(_) => 0.0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => Value::Array(vec![]),
        Value::Map(_) => Value::Map(vec![]),
        _ => return None,
    })
}

/// Changes the listed fields of a map; missing ones are null.
fn change(
    entries: &[(Value, Value)],
    fields: &[(String, String)],
    with: impl Fn(&Value, &str) -> Option<Value>,
) -> Option<Value> {
    let mut changed = entries.to_vec();
    for (name, how) in fields {
        let key = Value::from(name.as_str());
        let given = entries.iter().find(|(known, _)| *known == key);
        let value = with(given.map_or(&Value::Null, |(_, value)| value), how)?;
        match changed.iter_mut().find(|(known, _)| *known == key) {
            Some((_, place)) => *place = value,
            None => changed.push((key, value)),
        }
    }
    Some(Value::Map(changed))
}

/// Fields with their full names; of two with one name the later value, in the place of the first.
fn flatten(
    entries: &[(Value, Value)],
    prefix: &str,
    delimiter: &str,
    flat: &mut Vec<(Value, Value)>,
) {
    for (key, value) in entries {
        let Value::String(key) = key else {
            panic!("{key:?}");
        };
        let name = match prefix {
            "" => key.clone(),
            prefix => format!("{prefix}{delimiter}{key}"),
        };
        match value {
            Value::Map(entries) => flatten(entries, &name, delimiter, flat),
            value => match flat
                .iter_mut()
                .find(|(known, _)| *known == name.as_str().into())
            {
                Some((_, place)) => *place = value.clone(),
                None => flat.push((name.into(), value.clone())),
            },
        }
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        prop_oneof![any::<i32>(), -400..400_i32].prop_map(Value::Int32),
        prop_oneof![
            any::<f64>(),
            -400.0..400.0_f64,
            Just(f64::INFINITY),
            Just(1e12)
        ]
        .prop_map(Value::Float64),
        prop_oneof!["-?[0-9]{1,12}", "[0-9]{1,3}\\.[0-9]", "true|TRUE|x|"].prop_map(Value::String),
    ]
}

/// Distinct names from few, so that fields are often those listed, and names that are joined meet.
fn entries_of(values: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let name = prop_oneof!["[abc]", "[ab][._][ab]", "[a-c]{2}", "[a-z]{9}", "n[0-9]"];
    prop::collection::btree_map(name, values, 0..10).prop_map(|entries| {
        Value::Map(
            entries
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    })
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            entries_of(inner),
        ]
    })
}

/// Fields with types. Each is there once.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof!["[abc]", "[ab][._][ab]", "[a-z]{9}", "n[0-9]"];
    let kind = prop::sample::select(&TYPES[..]).prop_map(str::to_owned);
    prop::collection::btree_map(name, kind, 1..12).prop_map(|fields| fields.into_iter().collect())
}

fn entries(value: &Value) -> &[(Value, Value)] {
    match value {
        Value::Map(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn shown(result: Result<Record>) -> String {
    match result {
        Ok(record) => format!("{:?} {:?}", sorted(record.value), record.value_schema),
        Err(_) => "an error".to_owned(),
    }
}

fn wanted(value: Option<Value>, schema: Option<Arc<Schema>>) -> String {
    match value {
        Some(value) => format!("{:?} {schema:?}", sorted(value)),
        None => "an error".to_owned(),
    }
}

/// The order of fields that were missing is nobody's business.
fn sorted(value: Value) -> Value {
    match value {
        Value::Map(mut entries) => {
            entries.sort_by_key(|(key, _)| key.to_encoded());
            Value::Map(entries)
        }
        other => other,
    }
}

fn kind(value: &Value) -> SchemaType {
    match value {
        Value::Boolean(_) => SchemaType::Boolean,
        Value::Int32(_) => SchemaType::Int32,
        Value::Float64(_) => SchemaType::Float64,
        _ => SchemaType::String,
    }
}

fn kind_named(name: &str) -> SchemaType {
    match name {
        "int8" => SchemaType::Int8,
        "int16" => SchemaType::Int16,
        "int32" => SchemaType::Int32,
        "int64" => SchemaType::Int64,
        "float32" => SchemaType::Float32,
        "float64" => SchemaType::Float64,
        "boolean" => SchemaType::Boolean,
        _ => SchemaType::String,
    }
}

/// The same map as a struct: nested maps are structs, every field may be null.
fn as_struct(value: &Value) -> (Schema, Value) {
    match value {
        Value::Map(entries) => {
            let parts: Vec<_> = entries
                .iter()
                .map(|(key, value)| match key {
                    Value::String(name) => (name.as_str(), as_struct(value)),
                    other => panic!("{other:?}"),
                })
                .collect();
            let fields = parts
                .iter()
                .map(|(name, (schema, _))| (*name, schema.clone()));
            let schema = struct_schema(fields).optional();
            (
                schema,
                Value::Struct(parts.into_iter().map(|(_, (_, value))| value).collect()),
            )
        }
        value => (Schema::new(kind(value)).optional(), value.clone()),
    }
}

/// A flat struct as a map, to be compared.
fn as_map(record: &Record) -> Value {
    let schema = record.value_schema.as_ref().unwrap();
    match &record.value {
        Value::Struct(values) => Value::Map(
            schema
                .fields()
                .iter()
                .zip(values)
                .map(|(field, value)| (field.name.as_str().into(), value.clone()))
                .collect(),
        ),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn cast_of_maps_and_structs(given in entries_of(scalar()), fields in fields()) {
        let spec: Vec<_> = fields.iter().map(|(name, kind)| format!("{name}:{kind}")).collect();
        let config = [("spec", spec.join(","))];
        let config = [("spec", config[0].1.as_str())];
        let model = change(entries(&given), &fields, cast);
        let found = apply("Cast$Value", &config, &Record::new("t", given.clone()));
        prop_assert_eq!(shown(found), wanted(model.clone(), None));

        let (schema, value) = as_struct(&given);
        let found = apply("Cast$Value", &config, &driver::under(schema, value));
        let known = |(key, _): &(Value, Value)| entries(&given).iter().any(|(known, _)| known == key);
        match (found, model) {
            (Ok(record), Some(model)) => {
                let model = entries(&model).iter().filter(|entry| known(entry)).cloned().collect();
                prop_assert_eq!(format!("{:?}", as_map(&record)), format!("{:?}", Value::Map(model)));
                for field in record.value_schema.as_ref().unwrap().fields() {
                    if let Some((_, kind)) = fields.iter().find(|(name, _)| *name == field.name) {
                        prop_assert_eq!(&*field.schema, &Schema::new(kind_named(kind)).optional());
                    }
                }
            }
            (found, model) => prop_assert_eq!(found.is_err(), model.is_none()),
        }
    }

    #[test]
    fn cast_of_whole_values(given in value(), to in prop::sample::select(&TYPES[..])) {
        let found = apply("Cast$Value", &[("spec", to)], &Record::new("t", given.clone()));
        prop_assert_eq!(shown(found), wanted(cast(&given, to), None));
    }

    #[test]
    fn mask_of_maps(given in entries_of(value()), fields in fields()) {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let config = [("fields", names.join(","))];
        let config = [("fields", config[0].1.as_str())];
        let model = change(entries(&given), &fields, |value, _| mask(value));
        let found = apply("MaskField$Value", &config, &Record::new("t", given.clone()));
        prop_assert_eq!(shown(found), wanted(model, None));
    }

    #[test]
    fn mask_of_structs(given in entries_of(scalar()), fields in fields()) {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let (schema, value) = as_struct(&given);
        let record = driver::under(schema, value);
        let found = apply("MaskField$Value", &[("fields", &names.join(","))], &record).unwrap();
        prop_assert_eq!(&found.value_schema, &record.value_schema);
        for ((name, found), (_, given)) in entries(&as_map(&found)).iter().zip(entries(&given)) {
            let masked = names.iter().any(|known| *name == Value::from(*known));
            let wanted = if masked { mask(given).unwrap() } else { given.clone() };
            prop_assert_eq!(format!("{found:?}"), format!("{wanted:?}"));
        }
    }

    #[test]
    fn flatten_of_maps_and_structs(
        given in entries_of(value()),
        delimiter in prop::sample::select(&[".", "_", "", "__"][..]),
    ) {
        let mut flat = Vec::new();
        flatten(entries(&given), "", delimiter, &mut flat);
        let config = [("delimiter", delimiter)];
        let found = apply("Flatten$Value", &config, &Record::new("t", given.clone())).unwrap();
        prop_assert_eq!(format!("{:?}", &found.value), format!("{:?}", Value::Map(flat.clone())));
        // Flat already, with nothing to join: it stays.
        let again = apply("Flatten$Value", &config, &found).unwrap();
        prop_assert_eq!(format!("{:?}", again.value), format!("{:?}", found.value));

        let without_arrays = without_arrays(&given);
        let (schema, value) = as_struct(&without_arrays);
        let mut flat = Vec::new();
        flatten(entries(&without_arrays), "", delimiter, &mut flat);
        match apply("Flatten$Value", &config, &driver::under(schema, value)) {
            Ok(record) => prop_assert_eq!(format!("{:?}", as_map(&record)), format!("{:?}", Value::Map(flat))),
            // Two fields with one name are an error under a schema.
            Err(error) => prop_assert!(error.message().contains("duplication"), "{error}"),
        }
    }

    #[test]
    fn hoist_of_anything(given in value()) {
        let hoist = [("field", "f")];
        let found = apply("HoistField$Value", &hoist, &Record::new("t", given.clone())).unwrap();
        prop_assert_eq!(format!("{:?}", found.value), format!("{:?}", map(&[("f", given)])));
    }

    #[test]
    fn records_of_a_batch_do_not_touch_each_other(given in prop::collection::vec(entries_of(value()), 1..8)) {
        let steps = [("MaskField$Value", ("fields", "a,b,n1")), ("Cast$Value", ("spec", "a:string,c:int64")), ("Flatten$Value", ("delimiter", "."))];
        for (class, config) in steps {
            let given: Vec<Record> = given.iter().map(|value| Record::new("t", value.clone())).collect();
            let mut chain = driver::chain(class, &[config]).unwrap();
            let done = chain.apply(batch_of(&given)).unwrap();
            done.batch.check().unwrap();
            let found: Vec<String> = records(&done.batch).map(|record| format!("{:?}", record.unwrap().value)).collect();
            let alone = given.iter().map(|record| apply(class, &[config], record));
            let alone: Vec<String> = alone.filter_map(|record| Some(format!("{:?}", record.ok()?.value))).collect();
            prop_assert_eq!(found, alone);
        }
    }
}

fn without_arrays(value: &Value) -> Value {
    match value {
        Value::Array(_) => Value::Null,
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| (key.clone(), without_arrays(value));
            Value::Map(entries.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}
