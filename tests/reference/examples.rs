//! The examples, run through component and converter: what a page shows is what happens.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tidegate_convert::{Converter, RecordFailure, Role};
use tidegate_model::{Batch, Column, ConnectorName};
use tidegate_sandbox::{Identity, Kind, Registry, Step};

/// One example of `examples.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The class by its simple name: `Cast$Value`, `JsonConverter`.
    of: String,
    /// What it shows.
    title: String,
    /// The configuration, without prefix.
    #[serde(default)]
    config: BTreeMap<String, String>,
    /// The record of a transform: `topic`, `partition`, `offset`, `timestamp`, `key`, `value`, `headers`; the value of
    /// a converter. Keys, values and headers are JSON as the JsonConverter reads it.
    #[serde(rename = "in")]
    input: Json,
    /// Whether keys, values and headers carry their schema.
    #[serde(default)]
    schemas: bool,
}

/// The examples in the order in which pages show them.
pub fn read() -> Vec<Example> {
    serde_json::from_str(include_str!("examples.json")).expect("examples.json is well formed")
}

impl Example {
    pub fn is_of(&self, name: &str) -> bool {
        self.of.split('$').next() == Some(name)
    }

    pub fn class(&self) -> &str {
        &self.of
    }

    pub fn id(&self) -> *const Self {
        self
    }

    fn shown(&self, prefix: &str, class: &str, before: &str, after: &str) -> String {
        let mut text = format!("\n## Example: {}\n```properties\n", self.title);
        writeln!(text, "{class}").unwrap();
        for (key, value) in &self.config {
            writeln!(text, "{prefix}{key}={}", value.replace('\\', "\\\\")).unwrap();
        }
        write!(
            text,
            "```\n```json\n{before}\n```\nbecomes\n```json\n{after}\n```\n"
        )
        .unwrap();
        text
    }

    fn json(&self) -> Box<dyn Converter> {
        json_converter(self.schemas)
    }
}

/// An example of a transform or predicate, with what comes out.
pub fn transform(registry: &Registry, example: &Example) -> String {
    let identity = Identity {
        connector: ConnectorName::parse("example").unwrap(),
        task: Some(0),
        usage: Default::default(),
        share: Default::default(),
        secrets: Default::default(),
    };
    let batch = batch(example);
    let before = shown(example, &batch);
    if let Ok((plugin, info)) = registry.find(Kind::Predicate, &example.of) {
        let mut predicate = plugin
            .predicate(&identity, &info.class_name, &example.config)
            .unwrap_or_else(|error| panic!("{}: {error}", example.title));
        let tested = predicate.test(&batch).unwrap();
        let class = format!("predicates=p\npredicates.p.type={}", info.class_name);
        let holds = tested
            .holds
            .first()
            .copied()
            .unwrap_or_default()
            .to_string();
        return example
            .shown("predicates.p.", &class, &pretty(&before), &holds)
            .replace("\nbecomes\n", "\nholds:\n");
    }
    let (plugin, info) = registry
        .find(Kind::Transform, &example.of)
        .unwrap_or_else(|error| panic!("{}: {error}", example.title));
    let step = Step {
        class: info.class_name.clone(),
        config: example.config.clone(),
        condition: None,
    };
    let mut chain = plugin
        .transforms(&identity, vec![step])
        .unwrap_or_else(|error| panic!("{}: {error}", example.title));
    let mut applied = chain.apply(batch).unwrap();
    applied.batch.drop_map_shapes();
    let mut outputs: Vec<String> = (0..applied.batch.len())
        .map(|row| pretty(&shown_row(example, &applied.batch, row, &before)))
        .collect();
    outputs.extend(
        applied
            .errors
            .iter()
            .map(|error| format!("error: {}", error.message)),
    );
    if outputs.is_empty() {
        outputs.push("nothing: the record is dropped".to_owned());
    }
    let class = format!("transforms=t\ntransforms.t.type={}", info.class_name);
    example.shown(
        "transforms.t.",
        &class,
        &pretty(&before),
        &outputs.join("\n"),
    )
}

/// An example of a converter, there and back.
pub fn converter(example: &Example) -> String {
    let class = tidegate_convert::class::find(&example.of).expect("a converter");
    let header = class.kind == tidegate_convert::Kind::HeaderConverter;
    let role = if header { Role::Header } else { Role::Value };
    let mut converter = tidegate_convert::converter(class.name, role, &example.config).unwrap();
    let (values, indexes, schemas) = decoded(example.json().as_mut(), &[Some(&example.input)]);
    let mut failures = Vec::new();
    let bytes = converter.from_connect("orders", &values, &indexes, &schemas, &mut failures);
    none(&failures, &example.title);
    let written = match bytes.iter().next().flatten() {
        None => "null".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.chars().all(|character| !character.is_control()) => text.to_owned(),
            _ => format!("the bytes {bytes:02x?}"),
        },
    };
    let mut back_schemas = Vec::new();
    let back = converter.to_connect("orders", &bytes, &mut back_schemas, &mut failures);
    none(&failures, &example.title);
    let back = encoded(
        &mut *json_converter(true),
        &back.values,
        &back.schemas,
        &back_schemas,
    );
    let prefix = if header {
        "header.converter"
    } else {
        "value.converter"
    };
    let class = format!("{prefix}={}", class.name);
    let page = example.shown(
        &format!("{prefix}."),
        &class,
        &pretty(&example.input),
        &written,
    );
    let back = back.into_iter().next().flatten().unwrap_or(Json::Null);
    format!("{page}which is read as\n```json\n{}\n```\n", pretty(&back))
        .replace("\nbecomes\n", "\nis written as\n")
}

fn json_converter(schemas: bool) -> Box<dyn Converter> {
    let config = BTreeMap::from([("schemas.enable".to_owned(), schemas.to_string())]);
    tidegate_convert::converter("JsonConverter", Role::Value, &config).unwrap()
}

fn decoded(json: &mut dyn Converter, values: &[Option<&Json>]) -> (Column, Vec<i32>, Vec<Vec<u8>>) {
    let texts: Vec<Option<String>> = values
        .iter()
        .map(|value| value.filter(|value| !value.is_null()).map(Json::to_string))
        .collect();
    let bytes: Column = texts
        .iter()
        .map(|text| text.as_ref().map(String::as_bytes))
        .collect();
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let column = json.to_connect("orders", &bytes, &mut schemas, &mut failures);
    none(&failures, "an example");
    (column.values, column.schemas, schemas)
}

fn encoded(
    json: &mut dyn Converter,
    values: &Column,
    indexes: &[i32],
    schemas: &[Vec<u8>],
) -> Vec<Option<Json>> {
    let mut failures = Vec::new();
    let bytes = json.from_connect("orders", values, indexes, schemas, &mut failures);
    none(&failures, "an example");
    let parsed = |bytes: Option<&[u8]>| bytes.map(|bytes| serde_json::from_slice(bytes).unwrap());
    bytes.iter().map(parsed).collect()
}

fn none(failures: &[RecordFailure], title: &str) {
    if let Some(failure) = failures.first() {
        panic!("{title}: {}", failure.error);
    }
}

fn batch(example: &Example) -> Batch {
    let of = |name: &str| example.input.get(name);
    let mut json = example.json();
    let number = |name: &str| of(name).and_then(Json::as_i64);
    let mut batch = Batch {
        count: 1,
        topics: vec![
            of("topic")
                .and_then(Json::as_str)
                .unwrap_or("orders")
                .to_owned(),
        ],
        partitions: number("partition")
            .map(|number| i32::try_from(number).unwrap())
            .into_iter()
            .collect(),
        offsets: number("offset").into_iter().collect(),
        timestamps: number("timestamp").into_iter().collect(),
        ..Batch::default()
    };
    let empty = Map::new();
    let headers = of("headers").and_then(Json::as_object).unwrap_or(&empty);
    let mut values = vec![of("key"), of("value")];
    values.extend(headers.values().map(Some));
    let (columns, indexes, schemas) = decoded(json.as_mut(), &values);
    let entries: Vec<Option<&[u8]>> = columns.iter().collect();
    let index = |place: usize| indexes.get(place).copied().unwrap_or(-1);
    batch.schemas = schemas;
    batch.keys = entries.iter().take(1).copied().collect();
    batch.key_schemas = vec![index(0)];
    batch.values = entries.iter().skip(1).take(1).copied().collect();
    batch.value_schemas = vec![index(1)];
    if !headers.is_empty() {
        batch.headers.counts = vec![u32::try_from(headers.len()).unwrap()];
        batch.headers.keys = headers.keys().map(|name| Some(name.as_bytes())).collect();
        batch.headers.schemas = (2..values.len()).map(index).collect();
        batch.headers.values = entries.iter().skip(2).copied().collect();
    }
    batch
}

/// A record before it is transformed: what the example gives.
fn shown(example: &Example, batch: &Batch) -> Json {
    let all = whole_row(example, batch, 0);
    let given = example.input.as_object().expect("a record is an object");
    all.into_iter()
        .filter(|(name, _)| given.contains_key(name))
        .collect::<Map<_, _>>()
        .into()
}

/// A record afterwards: what was shown before, and what changed.
fn shown_row(example: &Example, batch: &Batch, row: usize, before: &Json) -> Json {
    let all = whole_row(example, batch, row);
    let is_shown = |(name, value): &(String, Json)| {
        before.get(name).is_some() || !(value.is_null() || *value == json!({}) || name == "topic")
    };
    all.into_iter()
        .filter(is_shown)
        .collect::<Map<_, _>>()
        .into()
}

fn whole_row(example: &Example, batch: &Batch, row: usize) -> Map<String, Json> {
    let mut json = example.json();
    let mut of =
        |values: &Column, schemas: &[i32]| encoded(json.as_mut(), values, schemas, &batch.schemas);
    let keys = of(&batch.keys, &batch.key_schemas);
    let values = of(&batch.values, &batch.value_schemas);
    let headers = of(&batch.headers.values, &batch.headers.schemas);
    let before: u32 = batch.headers.counts.iter().take(row).sum();
    let count = batch.headers.counts.get(row).copied().unwrap_or_default();
    let names = batch
        .headers
        .keys
        .iter()
        .map(|name| String::from_utf8_lossy(name.unwrap_or_default()).into_owned());
    let headers: Map<String, Json> = names
        .zip(headers)
        .skip(before as usize)
        .take(count as usize)
        .map(|(name, value)| (name, value.unwrap_or(Json::Null)))
        .collect();
    let at =
        |column: Vec<Option<Json>>| column.into_iter().nth(row).flatten().unwrap_or(Json::Null);
    let mut record = Map::new();
    record.insert("topic".to_owned(), batch.topic(row).into());
    record.insert("partition".to_owned(), json!(batch.partition(row)));
    record.insert("offset".to_owned(), json!(batch.offsets.get(row)));
    record.insert("timestamp".to_owned(), json!(batch.timestamp(row)));
    record.insert("key".to_owned(), at(keys));
    record.insert("value".to_owned(), at(values));
    record.insert("headers".to_owned(), headers.into());
    record
}

/// JSON in as few lines as can be read.
fn pretty(json: &Json) -> String {
    let line = spaced(json);
    if line.chars().count() <= 118 {
        return line;
    }
    match json.as_object() {
        Some(object) => {
            let members: Vec<String> = object
                .iter()
                .map(|(name, value)| format!("  {}: {}", json!(name), spaced(value)))
                .collect();
            format!("{{\n{}\n}}", members.join(",\n"))
        }
        None => line,
    }
}

fn spaced(json: &Json) -> String {
    match json {
        Json::Object(object) => {
            let members: Vec<String> = object
                .iter()
                .map(|(name, value)| format!("{}: {}", json!(name), spaced(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        Json::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(spaced).collect();
            format!("[{}]", elements.join(", "))
        }
        other => other.to_string(),
    }
}
