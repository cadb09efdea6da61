//! `TimestampConverter`: turns timestamps into texts, numbers, and the types Date, Time and Timestamp.

use std::marker::PhantomData;
use std::sync::Arc;

use tidegate_java::calendar::DAY_MS;
use tidegate_java::class_name::class_name;
use tidegate_java::date_format::DateFormat;
use tidegate_sdk::model::schema::{DATE, TIME, TIMESTAMP};
use tidegate_sdk::model::short::{append, same};
use tidegate_sdk::model::value::{Elements, tag};
use tidegate_sdk::prelude::*;
use tidegate_sdk::{
    Edit, Facts, MapEdits, NO_SCHEMA, NewSchema, PlannedMap, Row, SchemaPlans, Side, TransformBatch,
};

use crate::date_pattern;
use crate::encoded::{
    FieldPlan, Run, field_plans, misfit, present, require_map_scan, require_struct, struct_like,
    text,
};
use crate::exception;
use crate::fields::OnNull;
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};

const PURPOSE: &str = "converting timestamp formats";
const TARGETS: [&str; 5] = ["string", "unix", "Date", "Time", "Timestamp"];
const PRECISIONS: [&str; 4] = ["nanoseconds", "microseconds", "milliseconds", "seconds"];

/// The transform.
#[derive(Debug)]
pub struct TimestampConverter<S> {
    /// The name of the field; none: the whole is a timestamp.
    field: Option<FieldName>,
    conversion: Conversion,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// The name of a field.
#[derive(Debug)]
struct FieldName {
    name: String,
    /// As the key of a map.
    key: Vec<u8>,
}

/// How timestamps are read and written.
#[derive(Debug)]
struct Conversion {
    target: Form,
    format: Option<DateFormat>,
    precision: Precision,
}

/// What a timestamp looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

/// The unit of a timestamp that is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}

/// What becomes of values with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    /// The form of the whole or the field; else what is wrong with its schema.
    form: Result<Form>,
    /// The fields of a struct; none where the whole is converted.
    fields: Vec<FieldPlan>,
    /// The place of the field, where the struct has it.
    place: Option<usize>,
}

impl<S: OnSide> Transform for TimestampConverter<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .optional(
                "field",
                Type::Text,
                "",
                Importance::High,
                "The field containing the timestamp, or empty if the entire value is a timestamp",
            )
            .required(
                "target.type",
                Type::Text,
                Importance::High,
                "The desired timestamp representation: string, unix, Date, Time, or Timestamp",
            )
            .one_of(&TARGETS)
            .optional(
                "format",
                Type::Text,
                "",
                Importance::Medium,
                "A SimpleDateFormat-compatible format for the timestamp. Used to generate the output when type=string or used to parse the input if the input is a string.",
            )
            .optional(
                "unix.precision",
                Type::Text,
                "milliseconds",
                Importance::Low,
                "The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or nanoseconds. Used to generate the output when type=unix or used to parse the input if the input is a Long.Note: This SMT will cause precision loss during conversions from, and to, values with sub-millisecond components.",
            )
            .one_of(&PRECISIONS);
        Description::new(S::class("TimestampConverter"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Convert timestamps between different formats such as Unix epoch, strings, and Connect Date/Timestamp types.Applies to individual fields or to the entire value.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let target = match config.one_of("target.type", &TARGETS)? {
            "string" => Form::Text,
            "unix" => Form::Unix,
            "Date" => Form::Date,
            "Time" => Form::Time,
            _ => Form::Timestamp,
        };
        let precision = match config.one_of("unix.precision", &PRECISIONS)? {
            "nanoseconds" => Precision::Nanoseconds,
            "microseconds" => Precision::Microseconds,
            "seconds" => Precision::Seconds,
            _ => Precision::Milliseconds,
        };
        let pattern = config.required("format")?;
        let format = if pattern.is_empty() {
            None
        } else {
            let problem = "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps";
            Some(date_pattern::compile("format", pattern, problem)?)
        };
        if target == Form::Text && format.is_none() {
            return Err(Error::config_key("format", NO_FORMAT));
        }
        let field = config.required("field")?;
        Ok(Self {
            field: (!field.is_empty()).then(|| FieldName {
                name: field.to_owned(),
                key: text(field),
            }),
            conversion: Conversion {
                target,
                format,
                precision,
            },
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn map_edits(&self) -> Option<&dyn MapEdits> {
        match self.field {
            Some(_) => Some(self),
            None => None,
        }
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (field, conversion) = (self.field.as_ref(), &self.conversion);
        let replace_null = self.replace_null;
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let bytes = present(bytes);
            if schema == NO_SCHEMA {
                let Some(bytes) = bytes else {
                    return Ok(Edit::Unchanged);
                };
                match field {
                    Some(field) => conversion.map(bytes, &field.key, out)?,
                    None => conversion.untyped(bytes, out)?,
                }
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let Some(field) = field else {
                let plan = plans.plan(schemas, schema, |schema| Ok(conversion.whole(schema)))?;
                let form = plan.form.clone()?;
                let index = plan.schema.index(schemas, number);
                let Some(bytes) = bytes else {
                    return Ok(Edit::Null(index));
                };
                conversion.typed(bytes, form, out)?;
                return Ok(Edit::Written(index));
            };
            let elements = match bytes {
                Some(bytes) => Some(require_struct(Some(bytes), PURPOSE)?),
                None => None,
            };
            let plan = plans.plan(schemas, schema, |schema| {
                conversion.plan(schema, &field.name, replace_null)
            })?;
            let edit = match elements {
                Some(elements) => {
                    conversion.structure(elements, plan, out)?;
                    Edit::Written
                }
                None => Edit::Null,
            };
            Ok(edit(plan.schema.index(schemas, number)))
        });
        Ok(())
    }
}

impl<S: OnSide> MapEdits for TimestampConverter<S> {
    fn side(&self) -> Side {
        S::SIDE
    }

    fn keeps_null(&self) -> bool {
        true
    }

    fn plan(&self, _: Facts, map: &mut PlannedMap) {
        match &self.field {
            Some(field) => map.edit_or_add_null(&field.key, 0),
            None => map.give_up(),
        }
    }

    fn write(&self, _: u32, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<()> {
        match present(Some(value)) {
            Some(timestamp) => self.conversion.untyped(timestamp, out),
            None => {
                append(out, value);
                Ok(())
            }
        }
    }
}

const NO_FORMAT: &str =
    "TimestampConverter requires format option to be specified when using string timestamps";

impl Conversion {
    fn whole(&self, schema: &Schema) -> Plan {
        Plan {
            schema: NewSchema::new(&self.target.schema(schema.optional)),
            form: Form::of(schema),
            fields: Vec::new(),
            place: None,
        }
    }

    fn plan(&self, schema: &Schema, name: &str, replace_null: bool) -> Result<Plan> {
        if !matches!(schema.kind, SchemaType::Struct(_)) {
            return Err(Error::data("Cannot list fields on non-struct type"));
        }
        let fields = schema.fields();
        let place = fields.iter().position(|field| field.name == name);
        let field = place.and_then(|place| fields.get(place));
        let converted = |field: &Field| {
            if field.name != name {
                return field.clone();
            }
            Field {
                name: field.name.clone(),
                schema: Arc::new(self.target.schema(field.schema.optional)),
            }
        };
        let mut plan = Plan {
            form: field.map_or(Ok(self.target), |field| Form::of(&field.schema)),
            fields: field_plans(fields, replace_null, |_| true),
            place,
            schema: NewSchema::new(schema),
        };
        let mut new = struct_like(schema, fields.iter().map(converted).collect())?;
        new.optional = schema.optional;
        if let Some(default) = &schema.default {
            let (default, mut out) = (default.to_encoded(), Vec::new());
            self.structure(require_struct(Some(&default), PURPOSE)?, &plan, &mut out)?;
            new.default = Some(Value::decode(&out)?);
        }
        plan.schema = NewSchema::new(&new);
        Ok(plan)
    }

    /// Copies a struct in runs, with the field converted and null replaced by defaults.
    fn structure(&self, elements: Elements<'_>, plan: &Plan, out: &mut Vec<u8>) -> Result<()> {
        if elements.len() != plan.fields.len() {
            return Err(misfit());
        }
        let container = Encoder::new(out).structure();
        let mut run = Run::new(elements.body());
        let mut elements = elements;
        for (place, field) in plan.fields.iter().enumerate() {
            let value = elements.next_encoded()?.ok_or_else(misfit)?;
            let is_null = value == [tag::NULL];
            if plan.place != Some(place) {
                match &field.on_null {
                    on_null if is_null => on_null.write(&mut run, out)?,
                    _ => run.keep(value.len()),
                }
                continue;
            }
            let form = plan.form.clone()?;
            let timestamp = match &field.on_null {
                OnNull::Becomes(default) if is_null => default.as_slice(),
                on_null if is_null => {
                    on_null.write(&mut run, out)?;
                    continue;
                }
                _ => value,
            };
            run.skip(value.len(), out);
            self.typed(timestamp, form, out)?;
        }
        if elements.next_encoded()?.is_some() {
            return Err(misfit());
        }
        run.end(out);
        Encoder::new(out).end(container, plan.fields.len());
        Ok(())
    }

    /// Copies a map in runs, with the field converted; one that is missing becomes null.
    fn map(&self, bytes: &[u8], name: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut entries = require_map_scan(bytes, PURPOSE)?;
        let container = Encoder::new(out).map();
        let body = entries.body();
        let mut run = Run::new(body);
        let (mut count, mut at, mut is_found) = (0, 0, false);
        for (key, length) in entries.by_ref() {
            let value = body.get(at + key.len()..at + length).unwrap_or_default();
            at += length;
            count += 1;
            if !same(key, name) {
                run.keep(length);
                continue;
            }
            is_found = true;
            run.keep(key.len());
            match present(Some(value)) {
                Some(timestamp) => {
                    run.skip(value.len(), out);
                    self.untyped(timestamp, out)?;
                }
                None => run.keep(value.len()),
            }
        }
        entries.end()?;
        run.end(out);
        if !is_found {
            append(out, name);
            Encoder::new(out).null();
            count += 1;
        }
        Encoder::new(out).end(container, count);
        Ok(())
    }

    /// Converts a timestamp that has a schema.
    fn typed(&self, bytes: &[u8], form: Form, out: &mut Vec<u8>) -> Result<()> {
        let moment = self.read(View::read(bytes)?, form)?;
        let mut encoder = Encoder::new(out);
        match self.target {
            Form::Date => {
                let days = moment.div_euclid(DAY_MS);
                let days = i32::try_from(days).map_err(|_| {
                    Error::data(format_args!(
                        "a Date has at most 32 bits of days since the epoch; found {days}"
                    ))
                })?;
                encoder.date(days);
            }
            Form::Time => {
                let time = moment.rem_euclid(DAY_MS);
                encoder.time(i32::try_from(time).unwrap_or_default());
            }
            _ => self.write(moment, out),
        }
        Ok(())
    }

    /// Converts a timestamp without a schema. Without one, Dates, Times and Timestamps are all moments.
    fn untyped(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let view = View::read(bytes)?;
        let form = match view {
            View::Date(_) | View::Time(_) | View::Timestamp(_) => Form::Timestamp,
            View::Int64(_) => Form::Unix,
            View::String(_) => Form::Text,
            _ => {
                return Err(Error::data(format_args!(
                    "TimestampConverter does not support {} objects as timestamps",
                    class_name(&view)
                )));
            }
        };
        let moment = self.read(view, form)?;
        match self.target {
            Form::Date => self.write(moment.wrapping_sub(moment.rem_euclid(DAY_MS)), out),
            Form::Time => self.write(moment.rem_euclid(DAY_MS), out),
            _ => self.write(moment, out),
        }
        Ok(())
    }

    /// The moment that a timestamp stands for, in milliseconds since the epoch.
    fn read(&self, view: View<'_>, form: Form) -> Result<i64> {
        match (form, view) {
            (Form::Text, View::String(text)) => {
                let format = self.format.as_ref();
                let format =
                    format.ok_or_else(|| Error::thrown(exception::NULL_POINTER, NO_FORMAT))?;
                format.parse(text).ok_or_else(|| {
                    Error::data(format_args!(
                        "Could not parse timestamp: value ({text}) does not match pattern ({})",
                        format.pattern()
                    ))
                })
            }
            (Form::Unix, View::Int64(number)) => Ok(self.precision.to_milliseconds(number)),
            (Form::Date | Form::Time | Form::Timestamp, View::Timestamp(moment)) => Ok(moment),
            (Form::Date | Form::Time | Form::Timestamp, View::Date(days)) => {
                Ok(i64::from(days) * DAY_MS)
            }
            (Form::Date | Form::Time | Form::Timestamp, View::Time(time)) => Ok(time.into()),
            (form, view) => Err(Error::data(format_args!(
                "Expected {}, but found {}",
                form.wanted(),
                class_name(&view)
            ))),
        }
    }

    /// Appends a moment as a text or a number of the target, else as a timestamp.
    fn write(&self, moment: i64, out: &mut Vec<u8>) {
        match (self.target, &self.format) {
            (Form::Text, Some(format)) => write_text(format, moment, out),
            (Form::Unix, _) => {
                Encoder::new(out).int64(self.precision.of_milliseconds(moment));
            }
            _ => Encoder::new(out).timestamp(moment),
        }
    }
}

impl Form {
    /// The form that a schema says.
    fn of(schema: &Schema) -> Result<Self> {
        match (schema.name.as_deref(), &schema.kind) {
            (Some(TIMESTAMP), _) => Ok(Self::Timestamp),
            (Some(DATE), _) => Ok(Self::Date),
            (Some(TIME), _) => Ok(Self::Time),
            (_, SchemaType::String) => Ok(Self::Text),
            (_, SchemaType::Int64) => Ok(Self::Unix),
            (name, kind) => {
                let kind = kind.name().to_uppercase();
                let shown = name.map_or_else(|| kind.clone(), |name| format!("{name}:{kind}"));
                let message = format_args!(
                    "Schema Schema{{{shown}}} does not correspond to a known timestamp type format"
                );
                Err(Error::thrown(exception::CONNECT, message))
            }
        }
    }

    fn schema(self, optional: bool) -> Schema {
        let schema = match self {
            Self::Text => Schema::new(SchemaType::String),
            Self::Unix => Schema::new(SchemaType::Int64),
            Self::Date => Schema::date(),
            Self::Time => Schema::time(),
            Self::Timestamp => Schema::timestamp(),
        };
        Schema { optional, ..schema }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Text => "string timestamp to be a String",
            Self::Unix => "Unix timestamp to be a Long",
            Self::Date => "Date to be a java.util.Date",
            Self::Time => "Time to be a java.util.Date",
            Self::Timestamp => "Timestamp to be a java.util.Date",
        }
    }
}

impl Precision {
    /// As `TimeUnit` does: what is finer is cut off towards zero, what is too large becomes the largest.
    fn to_milliseconds(self, number: i64) -> i64 {
        match self {
            Self::Nanoseconds => number / 1_000_000,
            Self::Microseconds => number / 1_000,
            Self::Milliseconds => number,
            Self::Seconds => number.saturating_mul(1_000),
        }
    }

    fn of_milliseconds(self, moment: i64) -> i64 {
        match self {
            Self::Nanoseconds => moment.saturating_mul(1_000_000),
            Self::Microseconds => moment.saturating_mul(1_000),
            Self::Milliseconds => moment,
            Self::Seconds => moment / 1_000,
        }
    }
}

/// Appends an encoded text, printed where it stays.
fn write_text(format: &DateFormat, moment: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[tag::STRING, 0, 0, 0, 0]);
    let start = out.len();
    format.print(moment, out);
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start - 4..start) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}
