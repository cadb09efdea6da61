//! `AvroConverter` of Confluent: Avro with a byte 0 and the schema's id in a registry before it.
//!
//! | module | what |
//! | --- | --- |
//! | `keys`, `options` | the configuration |
//! | `subject` | under which name a schema is registered |
//! | `schema`, `parse`, `print` | Avro schemas, from JSON and to JSON |
//! | `to_connect`, `from_connect`, `names`, `defaults`, `defaults_read` | schemas between Avro and Connect, as Confluent's `AvroData` has them |
//! | `read` | Avro's bytes to encoded values, by a plan |
//! | `write_plan`, `write` | encoded values to Avro's bytes, by a plan |
//! | `wire` | numbers of variable length |
//! | `unscaled` | the digits of decimals |
//! | `offline` | the same without a registry, for tests |
//!
//! A schema is asked for, parsed and planned once; a record is then read or written from one buffer into the other.
//! When the registry is away, the rest of the column is not tried: each of its records has the same error.
//!
//! Where this is stricter than Confluent's converter: bytes after the value, invalid UTF-8 and numbers that are too
//! large are refused; a schema that contains itself is.

mod defaults;
mod defaults_read;
mod from_connect;
mod keys;
mod names;
pub(crate) mod offline;
mod options;
mod parse;
mod print;
mod read;
mod schema;
mod subject;
mod to_connect;
mod unscaled;
mod wire;
mod write;
mod write_plan;

use std::collections::HashMap;
use std::sync::Arc;

use tidegate_model::limits::{RECORD_BYTES_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::Schema;
use tidegate_model::value::tag;
use tidegate_model::{Column, ErrorClass};
use tidegate_registry::{Client, RegistryError, Stored};

use crate::cache::Cache;
use crate::columns::{convert_each, index_of};
use crate::error::ConvertError;
use crate::options::Options;
use crate::schema_index::{SchemaIndexes, schema_of};
use crate::{Converter, RecordFailure, ValueColumn};

pub(crate) use keys::AVRO_KEYS;
use options::{AvroOptions, DataOptions, Target};
use schema::Kind;

/// What begins each message.
const MAGIC: u8 = 0;

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("the value ends early")]
    End,
    #[error("a number is out of its type's range")]
    Number,
    #[error("a length is {0}")]
    Length(i64),
    #[error("the place {found} was found of {count} branches or symbols")]
    Place { found: i64, count: usize },
    #[error("a boolean is {0}; 0 or 1 is wanted")]
    Boolean(u8),
    #[error("a string is not valid UTF-8")]
    Utf8,
    #[error(
        "Time values must use number of milliseconds greater than 0 and less than 86400000; {0} was found"
    )]
    Time(i32),
    #[error("a decimal has no bytes")]
    Decimal,
    #[error("values nest deeper than {VALUE_DEPTH_MAX}")]
    Depth,
    #[error("the value becomes more than {0} bytes, which is the most that is allowed")]
    Size(usize),
    #[error("{0} bytes follow the value; it was written with another schema")]
    Trailing(usize),
}

/// Converts Avro.
#[derive(Debug)]
pub(crate) struct AvroConverter {
    options: AvroOptions,
    client: Client,
    /// Schemas read, by id and topic.
    read: Cache<Arc<ReadSchema>>,
    /// Connect schemas in Avro, by their encoding.
    written: Cache<Arc<WrittenSchema>>,
    /// How they are written, by subject, target and encoding.
    sealed: Cache<Arc<Sealed>>,
    /// How many unions were named by their number.
    unions: u32,
}

/// A schema that messages come with.
#[derive(Debug)]
struct ReadSchema {
    plan: read::Plan,
    /// The Connect schema; `None`: values have none.
    encoded: Option<Vec<u8>>,
}

/// A Connect schema in Avro; `None` of it: the one for values without.
#[derive(Debug)]
struct WrittenSchema {
    schema: Option<Schema>,
    stored: Stored,
    /// The full name of the record that it is.
    record: Option<String>,
}

/// All that writing a message takes.
#[derive(Debug)]
struct Sealed {
    id: i32,
    /// `None`: values have no schema.
    plan: Option<write_plan::Plan>,
    /// Whether the message is bytes, of which no length is written.
    raw: bool,
    /// What a union is written as of which no field is set: that is no message.
    nothing: Option<Vec<u8>>,
}

impl AvroConverter {
    /// The converter of keys or of values with its configuration. Nothing is connected to yet.
    ///
    /// # Errors
    /// When a value of the configuration is not allowed.
    pub(crate) fn new(options: Options<'_>, is_key: bool) -> Result<Self, ConvertError> {
        let options = AvroOptions::parse(options, is_key)?;
        Ok(Self {
            client: Client::new(options.registry.clone()),
            read: Cache::new(options.cache_size),
            written: Cache::new(options.cache_size),
            sealed: Cache::new(options.cache_size),
            options,
            unions: 0,
        })
    }

    /// The schema with an id, for messages of a topic.
    fn read_schema(&mut self, id: i32, topic: &str) -> Result<Arc<ReadSchema>, ConvertError> {
        let key = [&id.to_be_bytes(), topic.as_bytes()].concat();
        let (client, options, unions) = (&mut self.client, &self.options, &mut self.unions);
        self.read.get_or_make(&key, || {
            let data = &options.data;
            let stored = client.by_id(id).map_err(|error| ConvertError::Registry {
                what: format!("Failed to deserialize data for topic {topic} to Avro: Error retrieving Avro schema for id {id}:"),
                error: error.into(),
            })?;
            ReadSchema::of(&stored, data, unions, |record| {
                version(client, options, id, topic, &stored, record)
            })
            .map(Arc::new)
        })
    }

    /// A Connect schema in Avro.
    fn written(&mut self, encoded: Option<&[u8]>) -> Result<Arc<WrittenSchema>, ConvertError> {
        let data = &self.options.data;
        self.written.get_or_make(encoded.unwrap_or_default(), || {
            WrittenSchema::of(encoded, data).map(Arc::new)
        })
    }

    /// Registers or finds the schema for values of a Connect schema, and plans how they are written with it.
    fn sealed(&mut self, topic: &str, encoded: Option<&[u8]>) -> Result<Arc<Sealed>, ConvertError> {
        let written = self.written(encoded)?;
        let subject = self
            .options
            .strategy
            .subject(topic, written.record.as_deref())?;
        let failed = |doing: &str| {
            let what = format!("Failed to serialize Avro data from topic {topic}: {doing}:");
            move |error: RegistryError| ConvertError::Registry {
                what,
                error: error.into(),
            }
        };
        // Asked each time: it may be another one by now.
        let latest = match self.options.target {
            Target::Latest => Some(
                self.client
                    .latest(&subject)
                    .map_err(failed("Error retrieving latest version of Avro schema"))?,
            ),
            _ => None,
        };
        let latest_id = latest.as_ref().map_or(-1, |(registered, _)| registered.id);
        let length = u32::try_from(subject.len()).unwrap_or(u32::MAX);
        let key = [
            &[u8::from(encoded.is_some())],
            &latest_id.to_be_bytes()[..],
            &length.to_be_bytes(),
            subject.as_bytes(),
            encoded.unwrap_or_default(),
        ]
        .concat();
        let (client, options) = (&mut self.client, &self.options);
        self.sealed.get_or_make(&key, || {
            let own = &written.stored;
            let (id, target) = match (options.target, latest) {
                (Target::Register, _) => {
                    let id = client.register(&subject, &own.schema, options.normalize);
                    (id.map_err(failed("Error registering Avro schema"))?, None)
                }
                (Target::Id(id), _) => {
                    let stored = client.by_id(id).map_err(failed("Error retrieving schema ID"))?;
                    (id, Some(stored))
                }
                (Target::Latest, Some((registered, stored))) => (registered.id, Some(stored)),
                (Target::Registered | Target::Latest, _) => {
                    let found = client.lookup(&subject, own, options.normalize, false);
                    (found.map_err(failed("Error retrieving Avro schema"))?.id, None)
                }
            };
            let target = target.as_deref().unwrap_or(own);
            Sealed::new(id, &written, target, options).map(Arc::new).map_err(|error| {
                let wanted = if std::ptr::eq(target, own) { "" } else { " Incompatible schema" };
                ConvertError::Data(format!(
                    "Failed to serialize Avro data from topic {topic}:{wanted} with the id {id}: {error}"
                ))
            })
        })
    }

    /// Says whether null may stand for a value of a Connect schema.
    fn null(&mut self, encoded: Option<&[u8]>) -> Result<(), ConvertError> {
        self.written(encoded)?.null()
    }

    /// Reads one message: appends its value, and gives its schema.
    fn read(
        &mut self,
        topic: &str,
        message: &[u8],
        batch: &mut ReadBatch,
        out: &mut Vec<u8>,
    ) -> Result<(Arc<ReadSchema>, bool), ConvertError> {
        if message.len() > RECORD_BYTES_MAX {
            return Err(ConvertError::Size {
                what: "the record",
                max: RECORD_BYTES_MAX,
            });
        }
        let (id, body) = match message {
            [MAGIC, rest @ ..] => match rest.split_first_chunk::<4>() {
                Some((id, body)) => (i32::from_be_bytes(*id), body),
                None => return Err(not_avro(topic, "the message ends within its schema's id")),
            },
            [] => {
                return Err(not_avro(
                    topic,
                    "the message is empty; a byte 0 and a schema's id are wanted",
                ));
            }
            [other, ..] => {
                return Err(not_avro(
                    topic,
                    &format!(
                        "Unknown magic byte! {other:#04x} was found, 0x00 is wanted before the id of a schema; is this topic \
                         written with another converter?"
                    ),
                ));
            }
        };
        let schema = match &batch.last {
            Some((last, schema)) if *last == id => Arc::clone(schema),
            _ => {
                let schema = self.known_or_failed(id, topic, batch)?;
                batch.last = Some((id, Arc::clone(&schema)));
                schema
            }
        };
        let some = read::read(&schema.plan, body, out).map_err(|(offset, fault)| {
            not_avro(topic, &format!("at byte {}: {fault}", offset + 5))
        })?;
        Ok((schema, some))
    }

    fn known_or_failed(
        &mut self,
        id: i32,
        topic: &str,
        batch: &mut ReadBatch,
    ) -> Result<Arc<ReadSchema>, ConvertError> {
        if let Some(error) = batch.failed.get(&id).or(batch.away.as_ref()) {
            return Err(error.clone());
        }
        self.read_schema(id, topic).inspect_err(|error| {
            if error.class() == ErrorClass::Data {
                batch.failed.insert(id, error.clone());
            } else {
                batch.away = Some(error.clone());
            }
        })
    }
}

/// What is known while a column is read.
#[derive(Debug, Default)]
struct ReadBatch {
    last: Option<(i32, Arc<ReadSchema>)>,
    /// Ids whose schemas cannot be had.
    failed: HashMap<i32, ConvertError>,
    /// Why the registry is not asked any more.
    away: Option<ConvertError>,
}

impl ReadSchema {
    /// The Connect schema of an Avro schema, and how its values are read. `version` is asked where the schema does not
    /// say its own.
    fn of(
        stored: &Stored,
        data: &DataOptions,
        unions: &mut u32,
        version: impl FnOnce(Option<&str>) -> Result<Option<i32>, ConvertError>,
    ) -> Result<Self, ConvertError> {
        let texts = stored.references.iter().chain([&stored.schema]);
        let (nodes, root) = parse::parse(texts.map(String::as_str))?;
        if to_connect::is_anything(&nodes, root) {
            return Ok(Self {
                plan: read::Plan::Anything,
                encoded: None,
            });
        }
        // Null has no Connect schema, and needs none.
        if is_null(&nodes, root) {
            return Ok(Self {
                plan: read::Plan::nulls(&nodes, root),
                encoded: None,
            });
        }
        let version = match nodes.at(root).props.get("connect.version") {
            Some(_) => None,
            None => version(record(&nodes, root))?,
        };
        let schema = to_connect::to_connect(&nodes, root, version, data, unions)?;
        let encoded = schema.to_encoded();
        // What reads it next has limits on its bytes and parts.
        Schema::decode(&encoded)?;
        Ok(Self {
            plan: read::Plan::new(&nodes, root, &schema, data),
            encoded: Some(encoded),
        })
    }
}

impl WrittenSchema {
    /// Says whether null may stand for a value.
    fn null(&self) -> Result<(), ConvertError> {
        match &self.schema {
            Some(schema) if !schema.optional => Err(ConvertError::data(
                "Found null value for non-optional schema",
            )),
            _ => Ok(()),
        }
    }

    /// The Avro schema of a Connect schema.
    fn of(encoded: Option<&[u8]>, data: &DataOptions) -> Result<Self, ConvertError> {
        let schema = encoded.map(Schema::decode).transpose()?;
        let (text, record) = match &schema {
            None => (
                ANYTHING.to_owned(),
                Some("io.confluent.connect.avro.Anything".to_owned()),
            ),
            Some(schema) => {
                let (nodes, root) = from_connect::from_connect(schema, data)?;
                let text = print::print(&nodes, root);
                // What Avro does not allow is refused before a value comes, null too.
                parse::parse([text.as_str()])?;
                (text, record(&nodes, root).map(str::to_owned))
            }
        };
        Ok(Self {
            schema,
            stored: Stored {
                references: Vec::new(),
                schema: text,
            },
            record,
        })
    }
}

impl Sealed {
    fn new(
        id: i32,
        written: &WrittenSchema,
        target: &Stored,
        options: &AvroOptions,
    ) -> Result<Self, ConvertError> {
        let texts = target.references.iter().chain([&target.schema]);
        let (nodes, root) = parse::parse(texts.map(String::as_str))?;
        let plan = match &written.schema {
            Some(schema) => Some(write_plan::plan(schema, &nodes, root, &options.data)?),
            None if to_connect::is_anything(&nodes, root) => None,
            None => {
                return Err(ConvertError::data(
                    "the values have no schema, and it wants one",
                ));
            }
        };
        let union = written.schema.as_ref().is_some_and(names::is_union);
        let null = plan.as_ref().and_then(|plan| plan.null);
        let nothing = null.filter(|_| union).map(|null| {
            let mut bytes = Vec::new();
            wire::put_count(null, &mut bytes);
            bytes
        });
        Ok(Self {
            id,
            plan,
            nothing,
            raw: matches!(nodes.at(root).kind, Kind::Bytes),
        })
    }

    /// Appends a message. False: it is null, and what was appended is to be taken back.
    fn write(&self, entry: &[u8], out: &mut Vec<u8>) -> Result<bool, ConvertError> {
        out.push(MAGIC);
        out.extend_from_slice(&self.id.to_be_bytes());
        let start = out.len();
        let Some(plan) = &self.plan else {
            return write::anything(entry, out).map(|()| true);
        };
        write::write(plan, entry, self.raw, out)?;
        Ok(out.get(start..) != self.nothing.as_deref())
    }
}

/// The version that a schema has under its subject. One that is not there has none: it is only a label.
fn version(
    client: &mut Client,
    options: &AvroOptions,
    id: i32,
    topic: &str,
    stored: &Stored,
    record: Option<&str>,
) -> Result<Option<i32>, ConvertError> {
    let Ok(subject) = options.strategy.subject(topic, record) else {
        return Ok(None);
    };
    // With its references it would have to be named by them.
    if !stored.references.is_empty() {
        return Ok(None);
    }
    match client.lookup(&subject, stored, false, true) {
        Ok(registered) => Ok(registered.version),
        Err(error) if error.class() == ErrorClass::Data => Ok(None),
        Err(error) => Err(ConvertError::Registry {
            what: format!(
                "Failed to deserialize data for topic {topic} to Avro: Error retrieving Avro schema version for id {id}:"
            ),
            error: error.into(),
        }),
    }
}

/// Whether a schema has no value but null.
fn is_null(nodes: &schema::Nodes, root: schema::NodeId) -> bool {
    match &nodes.at(root).kind {
        Kind::Null => true,
        Kind::Union(branches) => matches!(branches.as_slice(), [only] if is_null(nodes, *only)),
        _ => false,
    }
}

/// The full name of the record that a schema is.
fn record(nodes: &schema::Nodes, root: schema::NodeId) -> Option<&str> {
    let node = nodes.at(root);
    matches!(node.kind, Kind::Record(_)).then_some(node.name.as_str())
}

fn not_avro(topic: &str, problem: &str) -> ConvertError {
    ConvertError::Data(format!(
        "Failed to deserialize data for topic {topic} to Avro: {problem}"
    ))
}

/// The schema of values that have none.
const ANYTHING: &str = concat!(
    r#"{"type":"record","name":"Anything","namespace":"io.confluent.connect.avro","fields":["#,
    r#"{"name":"boolean","type":["null","boolean"],"default":null},"#,
    r#"{"name":"bytes","type":["null","bytes"],"default":null},"#,
    r#"{"name":"double","type":["null","double"],"default":null},"#,
    r#"{"name":"float","type":["null","float"],"default":null},"#,
    r#"{"name":"int","type":["null","int"],"default":null},"#,
    r#"{"name":"long","type":["null","long"],"default":null},"#,
    r#"{"name":"string","type":["null","string"],"default":null},"#,
    r#"{"name":"array","type":["null",{"type":"array","items":"Anything"}],"default":null},"#,
    r#"{"name":"map","type":["null",{"type":"array","items":{"type":"record","name":"MapEntry","fields":["#,
    r#"{"name":"key","type":"Anything"},{"name":"value","type":"Anything"}]}}],"default":null}]}"#,
);

impl Converter for AvroConverter {
    fn needs_topic(&self) -> bool {
        true
    }

    fn to_connect(
        &mut self,
        topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        let mut indexes = Vec::with_capacity(bytes.len());
        let mut batch = ReadBatch::default();
        let mut places = SchemaIndexes::default();
        let mut place: Option<(Arc<ReadSchema>, i32)> = None;
        let room = 2 * bytes.bytes.len();
        let values = convert_each(bytes, room, failures, |_, entry, out| {
            let read = match entry {
                None => Ok((-1, false)),
                Some(message) => {
                    self.read(topic, message, &mut batch, out)
                        .and_then(|(schema, some)| match (&place, &schema.encoded) {
                            (_, None) => Ok((-1, some)),
                            _ if !some => Ok((-1, false)),
                            (Some((last, place)), _) if Arc::ptr_eq(last, &schema) => {
                                Ok((*place, true))
                            }
                            (_, Some(encoded)) => {
                                let found = places.of(schemas, encoded)?;
                                place = Some((schema, found));
                                Ok((found, true))
                            }
                        })
                }
            };
            indexes.push(index_of(&read));
            read.map(|(_, some)| some)
        });
        ValueColumn {
            values,
            schemas: indexes,
        }
    }

    fn from_connect(
        &mut self,
        topic: &str,
        values: &Column,
        value_schemas: &[i32],
        schemas: &[Vec<u8>],
        failures: &mut Vec<RecordFailure>,
    ) -> Column {
        // The last place is for values without a schema.
        let mut sealed: Vec<Option<Result<Arc<Sealed>, ConvertError>>> =
            vec![None; schemas.len() + 1];
        let mut away: Option<ConvertError> = None;
        convert_each(values, values.bytes.len(), failures, |index, entry, out| {
            let place = schema_of(value_schemas, index).filter(|place| *place < schemas.len());
            let encoded = place
                .and_then(|place| schemas.get(place))
                .map(Vec::as_slice);
            let entry = entry.unwrap_or(&[tag::NULL]);
            if *entry == [tag::NULL] {
                // Null is no message, and needs no schema in the registry.
                self.null(encoded).map(|()| false)
            } else {
                match sealed.get_mut(place.unwrap_or(schemas.len())) {
                    None => Err(ConvertError::data(
                        "the schema of the value is not in the batch",
                    )),
                    Some(found) => {
                        let sealed = found.get_or_insert_with(|| match &away {
                            Some(error) => Err(error.clone()),
                            None => self.sealed(topic, encoded),
                        });
                        match sealed {
                            Ok(sealed) => sealed.write(entry, out),
                            Err(error) => {
                                if error.class() != ErrorClass::Data {
                                    away = Some(error.clone());
                                }
                                Err(error.clone())
                            }
                        }
                    }
                }
            }
        })
    }
}
