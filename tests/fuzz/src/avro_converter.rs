//! Avro schemas and messages, and values that become Avro.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_convert::OfflineAvro;
use tidegate_model::{Field, Schema, SchemaType, Value};

use crate::converted::{Read, fits, shown};
use crate::input::Input;
use crate::made_up;

/// A byte of options, then an Avro schema, a zero and a value; or a value that is made up.
pub fn run(data: &[u8]) {
    let input = &mut Input::new(data);
    let options = input.byte();
    let flag = |mask: u8| if options & mask == 0 { "false" } else { "true" };
    let config = BTreeMap::from(
        [
            ("schema.registry.url", "http://localhost"),
            ("enhanced.avro.schema.support", flag(1)),
            ("generalized.sum.type.support", flag(2)),
            ("scrub.invalid.names", flag(4)),
            ("allow.optional.map.keys", flag(8)),
            ("flatten.singleton.unions", flag(16)),
            (
                "ignore.default.for.nullables",
                if options & 128 == 0 { "true" } else { "false" },
            ),
            (
                "connect.meta.data",
                if options & 32 == 0 { "true" } else { "false" },
            ),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let avro = &mut OfflineAvro::new(&config).expect("the configuration is allowed");
    if options & 64 == 0 {
        message(avro, input.rest());
    } else {
        made_up_value(avro, input, options);
    }
}

fn message(avro: &mut OfflineAvro, bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let schema = parts.next().unwrap_or_default();
    let body = parts.next().unwrap_or_default();
    let Ok(schema) = std::str::from_utf8(schema) else {
        return;
    };
    let Ok((schema, value)) = avro.read(schema, body) else {
        return;
    };
    let found = Read { schema, value };
    fits(&found);
    let Some(value) = &found.value else { return };
    // A schema that was read need not be one that can be written and read, with Confluent's converter neither.
    if let Ok((text, body)) = avro.write(found.schema.as_deref(), value)
        && let Ok((schema, value)) = avro.read(&text, &body)
    {
        fits(&Read { schema, value });
    }
}

fn made_up_value(avro: &mut OfflineAvro, input: &mut Input<'_>, options: u8) {
    let (schema, value) = made_up::either(input);
    let made = Read {
        schema: schema.map(|schema| schema.to_encoded()),
        value: (value != Value::Null).then(|| value.to_encoded()),
    };
    let Ok((text, body)) = avro.write(made.schema.as_deref(), &value.to_encoded()) else {
        return;
    };
    let (schema, value) = match avro.read(&text, &body) {
        Ok(read) => read,
        // Of two different records of one name the inner one is taken for the outer one, as Confluent's converter has it.
        Err(error) if error.to_string().contains("contains itself") => return,
        Err(error) => panic!("{error}: {} became {text}", shown(&made)),
    };
    let again = Read { schema, value };
    fits(&again);
    // With the defaults of the configuration nothing is lost, but for defaults that Avro cannot have.
    if options & !64 == 0
        && let Some(encoded) = &made.schema
        && names_are_of_one(&Schema::decode(encoded).expect("a schema is well-formed"))
    {
        let schema = |read: &Read| without_defaults(read.schema.as_deref());
        assert!(
            again.value == made.value && schema(&again) == schema(&made),
            "{} became {}",
            shown(&made),
            shown(&again)
        );
    }
}

/// Whether no two different structs have one name: Avro has one record for them.
fn names_are_of_one(schema: &Schema) -> bool {
    fn each<'s>(schema: &'s Schema, named: &mut BTreeMap<&'s str, &'s Schema>) -> bool {
        let own = match (&schema.kind, &schema.name) {
            (SchemaType::Struct(_), Some(name)) => named.insert(name, schema),
            _ => None,
        };
        own.is_none_or(|other| other == schema)
            && match &schema.kind {
                SchemaType::Array(element) => each(element, named),
                SchemaType::Map(key, value) => each(key, named) && each(value, named),
                SchemaType::Struct(fields) => fields.iter().all(|field| each(&field.schema, named)),
                _ => true,
            }
    }
    each(schema, &mut BTreeMap::new())
}

fn without_defaults(encoded: Option<&[u8]>) -> Option<Schema> {
    encoded.map(|encoded| plain(&Schema::decode(encoded).expect("a schema is well-formed")))
}

fn plain(schema: &Schema) -> Schema {
    let part = |schema: &Schema| Arc::new(plain(schema));
    let kind = match &schema.kind {
        SchemaType::Array(element) => SchemaType::Array(part(element)),
        // What is Avro's map keeps nothing of its keys.
        SchemaType::Map(key, value) if key.kind == SchemaType::String && !key.optional => {
            SchemaType::Map(Arc::new(Schema::new(SchemaType::String)), part(value))
        }
        SchemaType::Map(key, value) => SchemaType::Map(part(key), part(value)),
        SchemaType::Struct(fields) => {
            let field = |field: &Field| Field {
                name: field.name.clone(),
                schema: part(&field.schema),
            };
            SchemaType::Struct(fields.iter().map(field).collect())
        }
        other => other.clone(),
    };
    Schema {
        kind,
        default: None,
        ..schema.clone()
    }
}
