//! Cases of transforms and predicates, run by the component in its sandbox.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tidegate_config::Properties;
use tidegate_model::{Batch, Column, ConnectorName, ErrorClass, Schema, Value};
use tidegate_sandbox::{
    Compiler, Identity, Kind, Plugin, Registry, Sandbox, SandboxError, Settings, Step,
};

use crate::notation::{config, expectation, member, optional, record, text};
use crate::outcome::{Found, Outcome, Record, Typed};

/// Where Kafka Connect keeps its transforms.
const PACKAGE: &str = "org.apache.kafka.connect.transforms.";

/// The transforms and predicates of the components in a folder.
pub struct Transforms(Registry);

impl Transforms {
    pub fn load(folder: &Path) -> Self {
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        let sandbox = Sandbox::new(Settings {
            compiler: Compiler::InProcess,
            ..Settings::new(cache)
        });
        let sandbox = sandbox.expect("a sandbox starts");
        let registry = Registry::open(&sandbox, &[folder.to_owned()]);
        assert!(
            !registry.list().is_empty(),
            "{} has no components; run `make guests` first",
            folder.display()
        );
        Self(registry)
    }

    /// The plugins of those components.
    pub fn registry(&self) -> &Registry {
        &self.0
    }

    pub fn run(&self, case: &Json) -> Result<Outcome, String> {
        let smt = text(member(case, "smt")?)?;
        let class = if smt.starts_with("io.") || smt.starts_with("org.") {
            smt.to_owned()
        } else {
            format!("{PACKAGE}{smt}")
        };
        let input = optional(case, "input").map(record).transpose()?;
        let kind = if class.contains(".predicates.") {
            Kind::Predicate
        } else {
            Kind::Transform
        };
        let found = match self.checked(kind, &class, &config(case)?) {
            Err(message) => Found::ConfigError(message),
            Ok((plugin, class, config)) if kind == Kind::Predicate => {
                test(&plugin, &class, &config, input.as_ref())
            }
            Ok((plugin, class, config)) => apply(&plugin, class, config, input.as_ref()),
        };
        Ok(Outcome {
            found,
            wanted: wanted(&expectation(case)?)?,
        })
    }

    /// The plugin, its class name and its configuration, when a connector with it would be created.
    fn checked(
        &self,
        kind: Kind,
        class: &str,
        config: &Properties,
    ) -> Result<(Plugin, String, Properties), String> {
        let (plugin, info) = self
            .0
            .find(kind, class)
            .map_err(|error| error.to_string())?;
        let values = info.definition.validate(config);
        if let Some(message) = values.into_iter().flat_map(|value| value.errors).next() {
            return Err(message);
        }
        let resolved = info.definition.resolved(config);
        let problems = plugin.validate(&identity(), &info.class_name, &resolved);
        match problems
            .map_err(|error| error.to_string())?
            .into_iter()
            .next()
        {
            Some((key, message)) => Err(format!("{key}: {message}")),
            None => Ok((plugin, info.class_name.clone(), config.clone())),
        }
    }
}

fn wanted(expect: &Json) -> Result<Found, String> {
    let message = |error: &Json| {
        let message = error.get("message").and_then(Json::as_str);
        message.unwrap_or_default().to_owned()
    };
    Ok(if let Some(json) = optional(expect, "record") {
        Found::Record(Box::new(record(json)?))
    } else if let Some(error) = optional(expect, "config_error") {
        Found::ConfigError(message(error))
    } else if let Some(error) = optional(expect, "apply_error") {
        Found::ApplyError(message(error))
    } else if let Some(matches) = optional(expect, "matches") {
        Found::Matches(matches == &Json::Bool(true))
    } else if optional(expect, "dropped").is_some() {
        Found::Dropped
    } else if optional(expect, "config_ok").is_some() {
        Found::Configured
    } else {
        return Err(format!("{expect} expects nothing known"));
    })
}

fn apply(plugin: &Plugin, class: String, config: Properties, input: Option<&Record>) -> Found {
    let step = Step {
        class,
        config,
        condition: None,
    };
    let mut instance = match plugin.transforms(&identity(), vec![step]) {
        Ok(instance) => instance,
        Err(error) => return refused(&error),
    };
    let Some(input) = input else {
        return Found::Configured;
    };
    let applied = match instance.apply(batch(input)) {
        Ok(mut applied) => {
            applied.batch.drop_map_shapes();
            applied
        }
        Err(error) => return Found::ApplyError(format!("the whole batch failed: {error}")),
    };
    if let Some(error) = applied.errors.into_iter().next() {
        return Found::error(ErrorClass::Data, error.message);
    }
    match applied.batch.len() {
        0 => Found::Dropped,
        _ => Found::Record(Box::new(first(&applied.batch))),
    }
}

fn test(plugin: &Plugin, class: &str, config: &Properties, input: Option<&Record>) -> Found {
    let mut predicate = match plugin.predicate(&identity(), class, config) {
        Ok(predicate) => predicate,
        Err(error) => return refused(&error),
    };
    let Some(input) = input else {
        return Found::Configured;
    };
    match predicate.test(&batch(input)) {
        Ok(tested) => Found::Matches(tested.holds.first() == Some(&true)),
        Err(error) => Found::ApplyError(error.to_string()),
    }
}

fn refused(error: &SandboxError) -> Found {
    Found::error(error.class(), error.to_string())
}

fn identity() -> Identity {
    Identity {
        connector: ConnectorName::parse("conformance").expect("a name"),
        task: Some(0),
        usage: Default::default(),
        share: Default::default(),
        secrets: Default::default(),
    }
}

/// A batch of one record.
fn batch(record: &Record) -> Batch {
    let mut batch = Batch {
        count: 1,
        topics: vec![record.topic.clone()],
        partitions: record.partition.into_iter().collect(),
        offsets: record.offset.into_iter().collect(),
        timestamps: record.timestamp.into_iter().collect(),
        ..Batch::default()
    };
    batch.key_schemas = vec![schema_index(&mut batch.schemas, &record.key)];
    batch.value_schemas = vec![schema_index(&mut batch.schemas, &record.value)];
    batch.keys = column([&record.key]);
    batch.values = column([&record.value]);
    if !record.headers.is_empty() {
        let headers = record.headers.iter();
        batch.headers.counts = vec![u32::try_from(record.headers.len()).expect("few headers")];
        batch.headers.keys = headers
            .clone()
            .map(|(name, _)| Some(name.as_bytes()))
            .collect();
        batch.headers.schemas = headers
            .clone()
            .map(|(_, typed)| schema_index(&mut batch.schemas, typed))
            .collect();
        batch.headers.values = column(headers.map(|(_, typed)| typed));
    }
    batch
}

fn schema_index(schemas: &mut Vec<Vec<u8>>, typed: &Typed) -> i32 {
    let Some(schema) = &typed.schema else {
        return -1;
    };
    let encoded = schema.to_encoded();
    let known = schemas.iter().position(|known| *known == encoded);
    let index = known.unwrap_or_else(|| {
        schemas.push(encoded);
        schemas.len() - 1
    });
    i32::try_from(index).expect("few schemas")
}

fn column<'a>(values: impl IntoIterator<Item = &'a Typed>) -> Column {
    let encoded: Vec<Option<Vec<u8>>> = values
        .into_iter()
        .map(|typed| typed.value.as_ref().map(Value::to_encoded))
        .collect();
    encoded.iter().map(Option::as_deref).collect()
}

/// The first record of a batch.
fn first(batch: &Batch) -> Record {
    let typed = |value: Option<Option<&[u8]>>, schema: Option<&i32>| Typed {
        schema: schema
            .and_then(|index| batch.schemas.get(usize::try_from(*index).ok()?))
            .map(|schema| Schema::decode(schema).expect("the sandbox checked it")),
        value: value
            .flatten()
            .map(|value| Value::decode(value).expect("the sandbox checked it")),
    };
    let headers = &batch.headers;
    let count = headers.counts.first().copied().unwrap_or(0) as usize;
    let names = headers.keys.iter().map(|name| {
        let name = name.unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    });
    let values: Vec<_> = headers.values.iter().collect();
    let header = |(place, name): (usize, String)| {
        let value = values.get(place).copied();
        (name, typed(value, headers.schemas.get(place)))
    };
    Record {
        topic: batch.topic(0).to_owned(),
        partition: batch.partition(0),
        offset: None,
        timestamp: batch.timestamp(0),
        key: typed(batch.keys.iter().next(), batch.key_schemas.first()),
        value: typed(batch.values.iter().next(), batch.value_schemas.first()),
        headers: names.take(count).enumerate().map(header).collect(),
    }
}
