//! Chains of the sample transforms with any configuration, over any records.

use std::sync::LazyLock;

use tidegate_model::schema::SchemaType;
use tidegate_model::value::check;
use tidegate_model::{Batch, Schema, Value};
use tidegate_sdk::plugins::ConfigPairs;
use tidegate_sdk::record::{batch_of, records};
use tidegate_sdk::{Chain, Kind, PluginSet, Record, Step, StepCondition, definition};
use tidegate_transforms::ComponentPlugins;

use crate::input::Input;
use crate::made_up;

/// Values that keys of transforms may take.
const VALUES: &[&str] = &[
    "a",
    "b",
    "a,b",
    "a.b",
    "a:b",
    "b:a,c:b",
    "a:int8,b:string",
    "string",
    "int64",
    "float64",
    "a:boolean",
    "true",
    "false",
    "op",
    "before",
    "after",
    "op,source.ts_ms",
    "*",
    "(.*)",
    "$1-x",
    "(a)|b",
    "t",
    "yyyy-MM-dd",
    "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "${topic}-${timestamp}",
    "Timestamp",
    "Date",
    "unix",
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "move",
    "copy",
    "drop",
    "rewrite",
    "1",
    "0",
    ".",
    "",
    "_",
];

/// A plugin with the names of its keys.
struct Known {
    kind: Kind,
    class: String,
    keys: Vec<(String, Vec<String>)>,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let plugins = ComponentPlugins::plugins();
    let each = plugins.descriptions().map(|(kind, description)| Known {
        kind,
        class: description.class_name.clone(),
        keys: keys(&description.config),
    });
    each.collect()
});

fn keys(config: &definition::ConfigDef) -> Vec<(String, Vec<String>)> {
    let each = config.keys().iter();
    each.map(|key| (key.name.clone(), key.valid_values.clone()))
        .collect()
}

/// One to three transforms over one to four records.
pub fn run(data: &[u8]) {
    let input = &mut Input::new(data);
    let plugins = ComponentPlugins::plugins();
    let steps: Vec<Step> = (0..=input.below(3)).map(|_| step(input)).collect();
    let (Ok(mut chain), Ok(mut each)) = (
        Chain::configure(&plugins, steps.clone()),
        Chain::configure(&plugins, steps.clone()),
    ) else {
        return;
    };
    let (records, batch) = made_up::records(input);
    let together = applied(&mut chain, batch);
    // What a transform keeps of one record changes nothing for the next one.
    let alone: Vec<Outcome> = records
        .iter()
        .flat_map(|record| {
            let outcome = applied(&mut each, batch_of([record]));
            outcome.unwrap_or_else(|| vec![Outcome::Whole])
        })
        .collect();
    if let Some(together) = together
        && !alone
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Whole))
    {
        assert_eq!(
            format!("{together:?}"),
            format!("{alone:?}"),
            "{steps:?} over {records:?}"
        );
    }
}

fn step(input: &mut Input<'_>) -> Step {
    let (class_name, config) = plugin(input, Kind::Transform);
    let condition = input.seldom(4).then(|| {
        let (class_name, config) = plugin(input, Kind::Predicate);
        StepCondition {
            class_name,
            config,
            negate: input.flag(),
        }
    });
    Step {
        class_name,
        config,
        condition,
    }
}

fn plugin(input: &mut Input<'_>, kind: Kind) -> (String, ConfigPairs) {
    let known: Vec<&Known> = KNOWN.iter().filter(|known| known.kind == kind).collect();
    let known = input.pick(&known);
    let mut config = ConfigPairs::new();
    for (key, valid) in &known.keys {
        let value = match input.byte() % 8 {
            0..3 => continue,
            3 if !valid.is_empty() => input.pick(valid).clone(),
            7 => input.text(24),
            _ => (*input.pick(VALUES)).to_owned(),
        };
        config.push((key.clone(), value));
    }
    (known.class.clone(), config)
}

/// What became of a record.
#[derive(Debug)]
enum Outcome {
    Output(#[allow(dead_code, reason = "it is compared as text")] Box<Record>),
    Failed(#[allow(dead_code, reason = "it is compared as text")] String),
    /// A step failed as a whole.
    Whole,
}

/// The outputs of all records, then the errors. `None`: a step failed as a whole.
fn applied(chain: &mut Chain, batch: Batch) -> Option<Vec<Outcome>> {
    let count = batch.count;
    let done = chain.apply(batch).ok()?;
    done.batch.check().expect("the output fits together");
    for schema in &done.batch.schemas {
        Schema::decode(schema).expect("a schema of the output is well-formed");
    }
    for value in done
        .batch
        .iter_keys()
        .chain(done.batch.iter_values())
        .flatten()
    {
        check(value).expect("a value of the output is well-formed");
    }
    let inputs: Vec<u32> = match &done.inputs {
        Some(inputs) => inputs.clone(),
        None => (0..done.batch.count as u32).collect(),
    };
    assert_eq!(inputs.len(), done.batch.count);
    let mut outcomes: Vec<Vec<Outcome>> = (0..count).map(|_| Vec::new()).collect();
    for (input, record) in inputs.iter().zip(records(&done.batch)) {
        let record = record.expect("a record of the output is read");
        fits(record.key_schema.as_deref(), &record.key);
        fits(record.value_schema.as_deref(), &record.value);
        for header in &record.headers {
            fits(header.schema.as_deref(), &header.value);
        }
        outcomes[*input as usize].push(Outcome::Output(Box::new(record)));
    }
    for failure in done.errors {
        let text = format!("{}: {}", failure.step, failure.error);
        outcomes[failure.index as usize].push(Outcome::Failed(text));
    }
    Some(outcomes.into_iter().flatten().collect())
}

fn fits(schema: Option<&Schema>, value: &Value) {
    if let Some(schema) = schema {
        // As in Kafka Connect, MaskField gives a decimal the scale of its replacement. Converters refuse that record.
        let value = &rescaled(value, schema);
        assert!(value.fits(schema), "{value:?} does not fit {schema:?}");
    }
}

/// The value with decimals of the scale that their schema wants.
fn rescaled(value: &Value, schema: &Schema) -> Value {
    match (value, &schema.kind) {
        (Value::Decimal { unscaled, .. }, SchemaType::Bytes) => Value::Decimal {
            scale: (schema.parameter("scale"))
                .and_then(|scale| scale.parse().ok())
                .unwrap_or(0),
            unscaled: unscaled.clone(),
        },
        (Value::Array(elements), SchemaType::Array(element)) => {
            let each = elements.iter();
            Value::Array(each.map(|value| rescaled(value, element)).collect())
        }
        (Value::Map(entries), SchemaType::Map(keys, values)) => {
            let each = entries.iter();
            Value::Map(
                each.map(|(key, value)| (rescaled(key, keys), rescaled(value, values)))
                    .collect(),
            )
        }
        (Value::Struct(parts), SchemaType::Struct(fields)) if parts.len() == fields.len() => {
            let each = parts.iter().zip(fields);
            Value::Struct(
                each.map(|(value, field)| rescaled(value, &field.schema))
                    .collect(),
            )
        }
        _ => value.clone(),
    }
}
