//! `HeaderFrom`: moves or copies fields of the key or value into headers.

use std::marker::PhantomData;
use std::ops::Range;

use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, HeaderEdit, NO_SCHEMA, NewSchema, SchemaPlans, TransformBatch};

use crate::encoded::{
    FieldPlan, Run, copy_fields, field_plans, misfit, require_map, require_map_scan,
    require_struct, struct_like, text,
};
use crate::exception;
use crate::fields::OnNull;
use crate::short::Named;
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};

/// The transform.
#[derive(Debug)]
pub struct HeaderFrom<S> {
    pairs: Vec<Pair>,
    /// The encoded names of the fields, with their places in the pairs.
    places: Named<Vec<usize>>,
    operation: Operation,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// A field and the header that it goes to.
#[derive(Debug)]
struct Pair {
    field: String,
    header: String,
}

/// What becomes of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// They go.
    Move,
    /// They stay.
    Copy,
}

/// What becomes of structs with one schema.
#[derive(Debug)]
struct Plan {
    /// The schema without the fields that move.
    schema: NewSchema,
    fields: Vec<FieldPlan>,
    kept: usize,
    headers: Vec<HeaderPlan>,
}

/// Where the value of a header comes from.
#[derive(Debug)]
struct HeaderPlan {
    place: usize,
    schema: NewSchema,
    /// What null becomes.
    on_null: OnNull,
}

impl<S: OnSide> Transform for HeaderFrom<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .required(
                "fields",
                Type::List,
                Importance::High,
                "Field names in the record whose values are to be copied or moved to headers.",
            )
            .required(
                "headers",
                Type::List,
                Importance::High,
                "Header names, in the same order as the field names listed in the fields configuration property.",
            )
            .required(
                "operation",
                Type::Text,
                Importance::High,
                "Either <code>move</code> if the fields are to be moved to the headers (removed from the key/value), or <code>copy</code> if the fields are to be copied to the headers (retained in the key/value).",
            )
            .one_of(&["move", "copy"]);
        Description::new(S::class("HeaderFrom"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Moves or copies fields in the key/value of a record into that record's headers. Corresponding elements of <code>fields</code> and <code>headers</code> together identify a field and the header it should be moved or copied to.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let fields = not_empty(config, "fields")?;
        let headers = not_empty(config, "headers")?;
        if fields.len() != headers.len() {
            return Err(Error::config_key(
                "headers",
                format_args!(
                    "'fields' config must have the same number of elements as 'headers' config. There are {} fields and {} headers",
                    fields.len(),
                    headers.len()
                ),
            ));
        }
        let operation = match config.one_of("operation", &["move", "copy"])? {
            "move" => Operation::Move,
            _ => Operation::Copy,
        };
        let pair = |(field, header): (&&str, &&str)| Pair {
            field: (*field).to_owned(),
            header: (*header).to_owned(),
        };
        let places_of = |field: &str| {
            let places = fields.iter().enumerate();
            let places = places.filter(|(_, other)| **other == field);
            places.map(|(place, _)| place).collect()
        };
        Ok(Self {
            pairs: fields.iter().zip(&headers).map(pair).collect(),
            places: fields
                .iter()
                .map(|field| (text(field), places_of(field)))
                .collect(),
            operation,
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS.and(Reads::HEADERS)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        self.add_headers(batch, number);
        if self.operation == Operation::Move {
            self.remove_fields(batch, number);
        }
        Ok(())
    }
}

impl<S: OnSide> HeaderFrom<S> {
    fn purpose(&self) -> &'static str {
        match self.operation {
            Operation::Move => "header move",
            Operation::Copy => "header copy",
        }
    }

    fn add_headers(&mut self, batch: &mut TransformBatch, number: u64) {
        let purpose = self.purpose();
        let (pairs, places, replace_null) = (&self.pairs, &self.places, self.replace_null);
        let plans = &mut self.plans;
        let mut values: Vec<Range<usize>> = Vec::new();
        batch.rewrite_headers(|row, headers, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            out.keep_all(headers);
            if schema == NO_SCHEMA {
                let mut entries = require_map(bytes, purpose)?;
                let body = entries.body();
                values.clear();
                values.resize(pairs.len(), 0..0);
                let mut at = 0;
                while let Some((key, value)) = entries.next_encoded()? {
                    at += key.len();
                    for place in places.get(key).into_iter().flatten() {
                        if let Some(range) = values.get_mut(*place) {
                            *range = at..at + value.len();
                        }
                    }
                    at += value.len();
                }
                for (pair, range) in pairs.iter().zip(&values) {
                    // No value is empty: what was not found is null.
                    let value = body.get(range.clone()).filter(|value| !value.is_empty());
                    out.push(&pair.header, value, NO_SCHEMA);
                }
                return Ok(HeaderEdit::Written);
            }
            let mut elements = require_struct(bytes, purpose)?;
            let plan = plans.plan(schemas, schema, |schema| {
                plan(schema, pairs, places, replace_null, purpose)
            })?;
            if elements.len() != plan.fields.len() {
                return Err(misfit());
            }
            let body = elements.body();
            values.clear();
            let mut at = 0;
            while let Some(value) = elements.next_encoded()? {
                values.push(at..at + value.len());
                at += value.len();
            }
            for (pair, header) in pairs.iter().zip(&mut plan.headers) {
                let value = values.get(header.place).cloned();
                let value = value.and_then(|range| body.get(range)).ok_or_else(misfit)?;
                let value = match &header.on_null {
                    OnNull::Becomes(default) if *value == [tag::NULL] => default,
                    OnNull::Fails(message) if *value == [tag::NULL] => {
                        return Err(Error::data(message));
                    }
                    _ => value,
                };
                let index = header.schema.index(schemas, number);
                out.push(&pair.header, Some(value), index);
            }
            Ok(HeaderEdit::Written)
        });
    }

    fn remove_fields(&mut self, batch: &mut TransformBatch, number: u64) {
        let purpose = self.purpose();
        let (pairs, places, replace_null) = (&self.pairs, &self.places, self.replace_null);
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            if schema == NO_SCHEMA {
                let bytes = bytes.unwrap_or(&[tag::NULL]);
                let mut entries = require_map_scan(bytes, purpose)?;
                let container = Encoder::new(out).map();
                let mut run = Run::new(entries.body());
                let (mut kept, mut removed) = (0, false);
                for (key, length) in entries.by_ref() {
                    if places.get(key).is_some() {
                        run.skip(length, out);
                        removed = true;
                    } else {
                        run.keep(length);
                        kept += 1;
                    }
                }
                entries.end()?;
                if !removed {
                    return Ok(Edit::Unchanged);
                }
                run.end(out);
                Encoder::new(out).end(container, kept);
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let elements = require_struct(bytes, purpose)?;
            let plan = plans.plan(schemas, schema, |schema| {
                plan(schema, pairs, places, replace_null, purpose)
            })?;
            let container = Encoder::new(out).structure();
            copy_fields(elements, &plan.fields, out)?;
            Encoder::new(out).end(container, plan.kept);
            Ok(Edit::Written(plan.schema.index(schemas, number)))
        });
    }
}

/// The elements of a list that must have some.
fn not_empty<'a>(config: &'a Config, key: &str) -> Result<Vec<&'a str>> {
    let list = config.list(key)?;
    if list.is_empty() {
        return Err(Error::config_key(
            key,
            format_args!("Invalid value [] for configuration {key}: Empty list"),
        ));
    }
    Ok(list)
}

/// What null means in a field that becomes a header.
fn header_on_null(field: &Field, replace_null: bool) -> OnNull {
    match &field.schema.default {
        Some(default) if replace_null => OnNull::Becomes(default.to_encoded()),
        _ if field.schema.optional => OnNull::Stays,
        _ => OnNull::Fails(format!(
            "A null value requires an optional schema but was Schema{{{}}}; found null in the field {:?}",
            field.schema.kind.name().to_uppercase(),
            field.name
        )),
    }
}

fn plan(
    schema: &Schema,
    pairs: &[Pair],
    places: &Named<Vec<usize>>,
    replace_null: bool,
    purpose: &str,
) -> Result<Plan> {
    let fields = schema.fields();
    let header = |pair: &Pair| {
        let mut known = fields.iter().enumerate();
        let (place, field) = known
            .find(|(_, field)| field.name == pair.field)
            .ok_or_else(|| {
                let message = format_args!(
                    "Unknown field: {} for [{purpose}]; the schema has no such field",
                    pair.field
                );
                Error::thrown(exception::NULL_POINTER, message)
            })?;
        Ok(HeaderPlan {
            place,
            schema: NewSchema::new(&field.schema),
            on_null: header_on_null(field, replace_null),
        })
    };
    let is_kept = |field: &Field| places.get(&text(&field.name)).is_none();
    let kept: Vec<Field> = fields
        .iter()
        .filter(|field| is_kept(field))
        .cloned()
        .collect();
    Ok(Plan {
        headers: pairs.iter().map(header).collect::<Result<_>>()?,
        kept: kept.len(),
        schema: NewSchema::new(&struct_like(schema, kept)?),
        fields: field_plans(fields, replace_null, is_kept),
    })
}
