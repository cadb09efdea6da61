//! `InsertField`: adds the topic, partition, offset, timestamp or a fixed text as fields.

use std::marker::PhantomData;
use std::sync::Arc;

use tidegate_sdk::model::limits::TOPIC_TEXT_BYTES_MAX;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{
    Edit, Facts, MapEdits, NO_SCHEMA, NewSchema, PlannedMap, Row, SchemaPlans, Schemas, Side,
    TransformBatch,
};

use crate::encoded::{
    FieldPlan, Run, copy_fields, field_plans, is_plain, misfit, present, require_map_scan,
    require_struct, struct_like, text,
};
use crate::short::Lengths;
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};
use tidegate_sdk::model::short::{append, same};

const PURPOSE: &str = "field insertion";
/// The most that a number takes, encoded.
const NUMBER_BYTES: usize = 9;
const SUFFIX: &str = "Suffix with <code>!</code> to make this a required field, or <code>?</code> to keep it optional (the default).";

/// The transform.
#[derive(Debug)]
pub struct InsertField<S> {
    insertions: Vec<Insertion>,
    /// The lengths of their keys.
    lengths: Lengths,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// A field to insert.
#[derive(Debug)]
struct Insertion {
    source: Source,
    name: String,
    /// The name as the key of a map.
    key: Vec<u8>,
    optional: bool,
}

/// What goes into a field.
#[derive(Debug)]
enum Source {
    Topic,
    Partition,
    Offset,
    Timestamp,
    /// A fixed text, encoded.
    Static(Vec<u8>),
}

/// What becomes of structs with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    fields: Vec<FieldPlan>,
    plain: bool,
}

impl<S: OnSide> Transform for InsertField<S> {
    fn describe() -> Description {
        let keyed = |definition: ConfigDef, key: &str, doc: &str| {
            definition.nullable(key, Type::Text, Importance::Medium, doc)
        };
        let definition = ConfigDef::new();
        let definition = keyed(
            definition,
            "topic.field",
            &format!("Field name for Kafka topic. {SUFFIX}"),
        );
        let definition = keyed(
            definition,
            "partition.field",
            &format!("Field name for Kafka partition. {SUFFIX}"),
        );
        let definition = keyed(
            definition,
            "offset.field",
            &format!(
                "Field name for Kafka offset - only applicable to sink connectors.<br/>{SUFFIX}"
            ),
        );
        let definition = keyed(
            definition,
            "timestamp.field",
            &format!("Field name for record timestamp. {SUFFIX}"),
        );
        let definition = keyed(
            definition,
            "static.field",
            &format!("Field name for static data field. {SUFFIX}"),
        );
        let definition = keyed(
            definition,
            "static.value",
            "Static field value, if field name configured.",
        );
        Description::new(S::class("InsertField"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Insert field(s) using attributes from the record metadata or a configured static value.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let mut insertions = Vec::new();
        for (key, source) in [
            ("topic.field", Source::Topic),
            ("partition.field", Source::Partition),
            ("offset.field", Source::Offset),
            ("timestamp.field", Source::Timestamp),
        ] {
            insertions.extend(config.get(key).map(|spec| Insertion::parse(spec, source)));
        }
        if let Some(spec) = config.get("static.field") {
            let value = config.get("static.value").ok_or_else(|| {
                Error::config_key(
                    "static.value",
                    format_args!(
                        "Invalid value null for configuration static.value: No value specified for static field: {spec}"
                    ),
                )
            })?;
            insertions.push(Insertion::parse(spec, Source::Static(text(value))));
        }
        if insertions.is_empty() {
            return Err(Error::config("No field insertion configured"));
        }
        let mut lengths = Lengths::default();
        for insertion in &insertions {
            lengths.add(&insertion.key);
        }
        Ok(Self {
            insertions,
            lengths,
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn map_edits(&self) -> Option<&dyn MapEdits> {
        Some(self)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (insertions, lengths) = (self.insertions.as_slice(), self.lengths);
        let replace_null = self.replace_null;
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let Some(bytes) = present(bytes) else {
                return Ok(Edit::Unchanged);
            };
            if schema == NO_SCHEMA {
                into_map(bytes, insertions, lengths, &row, out)?;
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let elements = require_struct(Some(bytes), PURPOSE)?;
            let plan = plans.plan(schemas, schema, |schema| {
                plan(schema, insertions, replace_null)
            })?;
            let count = plan.fields.len();
            if elements.len() != count {
                return Err(misfit());
            }
            let container = Encoder::new(out).structure();
            if plan.plain {
                append(out, elements.body());
            } else {
                copy_fields(elements, &plan.fields, out)?;
            }
            for insertion in insertions {
                if !insertion.write(&row, true, out)? {
                    Encoder::new(out).null();
                }
            }
            Encoder::new(out).end(container, count + insertions.len());
            Ok(Edit::Written(new_schema(plan, schemas, number)))
        });
        Ok(())
    }
}

impl<S: OnSide> MapEdits for InsertField<S> {
    fn side(&self) -> Side {
        S::SIDE
    }

    fn keeps_null(&self) -> bool {
        true
    }

    fn needs_facts(&self) -> bool {
        let mut sources = self.insertions.iter().map(|insertion| &insertion.source);
        !sources.all(|source| matches!(source, Source::Topic | Source::Static(_)))
    }

    fn plan(&self, facts: Facts, map: &mut PlannedMap) {
        for (number, Insertion { source, key, .. }) in (0..).zip(&self.insertions) {
            match source {
                Source::Static(value) => map.put(key, value),
                Source::Offset if !facts.offset => map.give_up(),
                Source::Partition if !facts.partition => {}
                Source::Timestamp if !facts.timestamp => {}
                Source::Topic => map.put_made(key, number, TOPIC_TEXT_BYTES_MAX + 5),
                _ => map.put_made(key, number, NUMBER_BYTES),
            }
        }
    }

    fn write(&self, number: u32, _: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<()> {
        if let Some(insertion) = self.insertions.get(number as usize) {
            insertion.write(row, false, out)?;
        }
        Ok(())
    }
}

fn new_schema(plan: &mut Plan, schemas: &mut Schemas<'_>, batch: u64) -> i32 {
    plan.schema.index(schemas, batch)
}

/// Copies a map, most often in one piece, and puts the fields in; one of the same name is replaced.
fn into_map(
    bytes: &[u8],
    insertions: &[Insertion],
    lengths: Lengths,
    row: &Row<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut entries = require_map_scan(bytes, PURPOSE)?;
    if let Some(insertion) = insertions.iter().find(|one| one.lacks_offset(row)) {
        insertion.write(row, false, out)?;
    }
    let container = Encoder::new(out).map();
    let mut run = Run::new(entries.body());
    let mut count = 0;
    for (key, length) in entries.by_ref() {
        if lengths.may_have(key) && is_among(insertions, key, row) {
            run.skip(length, out);
        } else {
            run.keep(length);
            count += 1;
        }
    }
    entries.end()?;
    run.end(out);
    for (place, insertion) in insertions.iter().enumerate() {
        let later = insertions.get(place + 1..).unwrap_or_default();
        if !insertion.is_known(row) || is_among(later, &insertion.key, row) {
            continue;
        }
        append(out, &insertion.key);
        insertion.write(row, false, out)?;
        count += 1;
    }
    Encoder::new(out).end(container, count);
    Ok(())
}

/// Whether one of the insertions puts something under a key.
#[inline]
fn is_among(insertions: &[Insertion], key: &[u8], row: &Row<'_>) -> bool {
    insertions
        .iter()
        .any(|insertion| same(&insertion.key, key) && insertion.is_known(row))
}

fn plan(schema: &Schema, insertions: &[Insertion], replace_null: bool) -> Result<Plan> {
    let fields = schema.fields();
    let plans = field_plans(fields, replace_null, |_| true);
    let mut fields = fields.to_vec();
    fields.extend(insertions.iter().map(Insertion::field));
    Ok(Plan {
        schema: NewSchema::new(&struct_like(schema, fields)?),
        plain: is_plain(&plans),
        fields: plans,
    })
}

impl Insertion {
    fn parse(spec: &str, source: Source) -> Self {
        let (name, optional) = match (spec.strip_suffix('?'), spec.strip_suffix('!')) {
            (Some(name), _) => (name, true),
            (_, Some(name)) => (name, false),
            _ => (spec, true),
        };
        Self {
            source,
            name: name.to_owned(),
            key: text(name),
            optional,
        }
    }

    fn field(&self) -> Field {
        let schema = match self.source {
            Source::Topic | Source::Static(_) => Schema::new(SchemaType::String),
            Source::Partition => Schema::new(SchemaType::Int32),
            Source::Offset => Schema::new(SchemaType::Int64),
            Source::Timestamp => Schema::timestamp(),
        };
        Field {
            name: self.name.clone(),
            schema: Arc::new(Schema {
                optional: self.optional,
                ..schema
            }),
        }
    }

    /// Whether an offset is wanted that the record does not have, which is an error even where another field takes
    /// its place.
    fn lacks_offset(&self, row: &Row<'_>) -> bool {
        matches!(self.source, Source::Offset) && row.offset().is_none()
    }

    /// Whether the record has what goes into the field.
    fn is_known(&self, row: &Row<'_>) -> bool {
        match self.source {
            Source::Partition => row.partition().is_some(),
            Source::Timestamp => row.timestamp().is_some(),
            _ => true,
        }
    }

    /// Appends what goes into the field; `false`: the record does not have it.
    fn write(&self, row: &Row<'_>, with_schema: bool, out: &mut Vec<u8>) -> Result<bool> {
        let mut encoder = Encoder::new(out);
        match &self.source {
            Source::Topic => encoder.string(row.topic()),
            Source::Static(value) => append(out, value),
            Source::Partition => match row.partition() {
                Some(partition) => encoder.int32(partition),
                None => return Ok(false),
            },
            Source::Offset => match row.offset() {
                Some(offset) => encoder.int64(offset),
                None => {
                    return Err(Error::data(format_args!(
                        "Only SinkRecord supported for [{PURPOSE}], found: org.apache.kafka.connect.source.SourceRecord"
                    )));
                }
            },
            Source::Timestamp => match row.timestamp() {
                Some(timestamp) if with_schema => encoder.timestamp(timestamp),
                Some(timestamp) => encoder.int64(timestamp),
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}
