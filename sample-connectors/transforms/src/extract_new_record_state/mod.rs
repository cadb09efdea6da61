//! `ExtractNewRecordState` of Debezium 3.4.1: the row of a change event in place of the event.
//!
//! A record whose value has a schema called `….Envelope` is a change event; tombstones are looked at too; any
//! other record passes as it is. Where `after` is null and `before` is not, the event is a delete; where both
//! are, a truncate, which is dropped.
//!
//! | `delete.tombstone.handling.mode` | delete | tombstone |
//! | --- | --- | --- |
//! | `drop` | dropped | dropped |
//! | `tombstone` | null, with the row's schema | dropped |
//! | `rewrite` | the row before, `__deleted` is `true` | dropped |
//! | `rewrite-with-tombstone` | the row before, `__deleted` is `true` | passes |
//! | `delete-to-tombstone` | null, without a schema | dropped |
//!
//! The bytes of the row are copied out of the envelope, and what is added is appended. What stands where, and
//! the schemas of the outputs, are worked out once for each distinct schema.

mod dropped_fields;
mod envelope;
mod extraction;
mod field_reference;
mod key;
mod row;
mod topics;

use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, HeaderEdit, NO_SCHEMA, SchemaPlans, Side, TransformBatch};

use crate::encoded::{present, require_struct};
use dropped_fields::{DroppedFields, Named};
use envelope::{Envelope, Rules, Slots};
use extraction::Extraction;
use field_reference::FieldReference;
use key::KeyPlan;
use topics::Topics;

const CLASS: &str = "io.debezium.transforms.ExtractNewRecordState";
const PURPOSE: &str = "extraction of the new record state";
const MODE: &str = "delete.tombstone.handling.mode";
const REPLACE_NULL: &str = crate::side::REPLACE_NULL;

/// Keys of older versions, which Debezium passes over by now.
const FORMER_KEYS: &[&str] = &["drop.tombstones", "delete.handling.mode"];

/// The transform.
#[derive(Debug)]
pub struct ExtractNewRecordState {
    mode: Mode,
    rules: Rules,
    dropping: Option<DroppedFields>,
    /// What is known of each schema of values; `None`: it is not that of an envelope.
    plans: SchemaPlans<Option<Envelope>>,
    /// What is known of each schema of keys.
    keys: SchemaPlans<KeyPlan>,
    slots: Slots,
}

/// What becomes of deletes and tombstones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Drop,
    Tombstone,
    Rewrite,
    RewriteWithTombstone,
    DeleteToTombstone,
}

const MODES: [(&str, Mode); 5] = [
    ("drop", Mode::Drop),
    ("tombstone", Mode::Tombstone),
    ("rewrite", Mode::Rewrite),
    ("rewrite-with-tombstone", Mode::RewriteWithTombstone),
    ("delete-to-tombstone", Mode::DeleteToTombstone),
];

impl Transform for ExtractNewRecordState {
    fn describe() -> Description {
        Description::new(CLASS)
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Extracts the row after a change from a Debezium change event; of a deleted row, the row before, or a tombstone.",
            )
            .config(definition())
    }

    fn configure(config: &Config) -> Result<Self> {
        let mode = Mode::parse(config.required(MODE)?)?;
        let list = |key: &str, prefix: &str| {
            let prefix = config.untrimmed(prefix)?;
            FieldReference::parse_list(key, config.get(key).unwrap_or_default(), prefix)
        };
        let route = config.untrimmed("route.by.field")?;
        for key in FORMER_KEYS {
            if config.get(key).is_some() {
                host::warn(format!(
                    "{key} has no effect since Debezium 3.0; set {MODE} instead"
                ));
            }
        }
        Ok(Self {
            mode,
            rules: Rules {
                rewrite: matches!(mode, Mode::Rewrite | Mode::RewriteWithTombstone),
                replace_null: replace_null(config)?,
                route_by_field: (!route.trim().is_empty()).then(|| route.to_owned()),
                fields: list("add.fields", "add.fields.prefix")?,
                headers: list("add.headers", "add.headers.prefix")?,
            },
            dropping: DroppedFields::configure(config)?,
            plans: SchemaPlans::default(),
            keys: SchemaPlans::default(),
            slots: Slots::default(),
        })
    }

    fn reads(&self) -> Reads {
        let dropping = self.dropping.as_ref();
        Reads {
            keys: dropping.is_some_and(|dropping| dropping.from_key),
            values: true,
            headers: dropping.is_some() || !self.rules.headers.is_empty(),
            map_shapes: false,
        }
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        if let Some(dropping) = self.dropping.as_mut().filter(|lists| lists.is_full()) {
            dropping.clear();
            self.plans = SchemaPlans::default();
            self.keys = SchemaPlans::default();
        }
        let number = self.plans.begin();
        if !self.rules.headers.is_empty() {
            self.add_headers(batch, number);
        }
        let mut named = match &mut self.dropping {
            Some(dropping) => dropping.of_batch(batch.batch()),
            None => Vec::new(),
        };
        self.extract(batch, number, &mut named);
        self.drop_from_keys(batch, &named);
        Ok(())
    }
}

impl ExtractNewRecordState {
    fn keeps_tombstones(&self) -> bool {
        self.mode == Mode::RewriteWithTombstone
    }

    /// Adds headers to change events and to the tombstones that pass.
    fn add_headers(&mut self, batch: &mut TransformBatch, number: u64) {
        let keeps_tombstones = self.keeps_tombstones();
        let (plans, rules, slots) = (&mut self.plans, &self.rules, &mut self.slots);
        batch.rewrite_headers(|record, given, schemas, headers| {
            headers.keep_all(given);
            let Some(value) = present(record.value) else {
                let operations = rules.headers.iter().filter(|header| header.is_operation());
                for header in operations.filter(|_| keeps_tombstones) {
                    let schema = schemas.index(&Schema::new(SchemaType::String).to_encoded());
                    headers.push(
                        &header.new_name,
                        Some(&Value::from("d").to_encoded()),
                        schema,
                    );
                }
                return Ok(HeaderEdit::Written);
            };
            if record.value_schema == NO_SCHEMA {
                return Ok(HeaderEdit::Unchanged);
            }
            let make = |schema: &Schema| Ok(Envelope::of(schema, rules));
            let Some(envelope) = plans.plan(schemas, record.value_schema, make)? else {
                return Ok(HeaderEdit::Unchanged);
            };
            let elements = require_struct(Some(value), PURPOSE)?;
            envelope.locate(elements, slots)?;
            for added in envelope.headers.as_mut().map_err(|error| error.clone())? {
                let schema = added.new_schema.index(schemas, number);
                headers.push(&added.name, added.value(slots, elements.body()), schema);
            }
            Ok(HeaderEdit::Written)
        });
    }

    /// Puts rows in place of change events.
    fn extract(&mut self, batch: &mut TransformBatch, number: u64, named: &mut [Named]) {
        let mut extraction = Extraction {
            mode: self.mode,
            rules: &self.rules,
            dropping: self.dropping.as_ref(),
            plans: &mut self.plans,
            slots: &mut self.slots,
            batch: number,
            named,
            topics: Topics::default(),
            discarded: Vec::new(),
        };
        batch.rewrite(Side::Value, |record, schemas, out| {
            extraction.edit(record, schemas, out)
        });
        let (topics, discarded) = (extraction.topics, extraction.discarded);
        for index in discarded {
            batch.discard(index);
        }
        topics.route(batch);
    }

    /// Leaves fields out of keys, as the headers of the records name them.
    fn drop_from_keys(&mut self, batch: &mut TransformBatch, named: &[Named]) {
        let Some(dropping) = self.dropping.as_ref().filter(|dropping| dropping.from_key) else {
            return;
        };
        let number = self.keys.begin();
        let plans = &mut self.keys;
        batch.rewrite(Side::Key, |record, schemas, out| {
            let named = named.get(record.index).copied().unwrap_or(Named::Nothing);
            match dropping.fields(named)? {
                Some(dropped) => key::edit(record, dropped, plans, schemas, number, out),
                None => Ok(Edit::Unchanged),
            }
        });
    }
}

impl Mode {
    fn parse(value: &str) -> Result<Self> {
        let known = MODES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(value));
        known.map(|(_, mode)| *mode).ok_or_else(|| {
            let names = MODES.map(|(name, _)| name).join(", ");
            Error::config_key(
                MODE,
                format_args!(
                    "Invalid value {value} for configuration {MODE}: Value must be one of {names}"
                ),
            )
        })
    }
}

/// The key is not in the definition, as with Debezium.
fn replace_null(config: &Config) -> Result<bool> {
    let value = config.get(REPLACE_NULL).unwrap_or("true");
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::config_key(
            REPLACE_NULL,
            format_args!(
                "Invalid value {value} for configuration {REPLACE_NULL}: Expected value to be either true or false"
            ),
        )),
    }
}

fn definition() -> ConfigDef {
    let low = Importance::Low;
    ConfigDef::new()
        .optional(MODE, Type::Text, "tombstone", Importance::Medium, "How to handle delete records. Options are: drop - Remove the delete event and tombstone from the stream.tombstone (default) - For each delete event, leave only a tombstone in the stream.rewrite - Remove tombstone from the record, and add a `__deleted` field with the value `true`.rewrite-with-tombstone - Retain tombstone in record and add a `__deleted` field with the value `true`.delete-to-tombstone - Convert delete events to tombstone events and drop tombstone events.")
        .optional("route.by.field", Type::Text, "", low, "The column which determines how the events will be routed, the value will replace the topic name.")
        .optional("add.fields.prefix", Type::Text, "__", low, "Adds this prefix to each field listed.")
        .optional("add.fields", Type::List, "", low, "Adds each field listed, prefixed with __ (or __<struct>_ if the struct is specified). Example: 'version,connector,source.ts_ms' would add __version, __connector and __source_ts_ms fields. Optionally one can also map new field name like version:VERSION,connector:CONNECTOR,source.ts_ms:EVENT_TIMESTAMP.Please note that the new field name is case-sensitive.")
        .optional("add.headers.prefix", Type::Text, "__", low, "Adds this prefix listed to each header.")
        .optional("add.headers", Type::List, "", low, "Adds each field listed to the header,  __ (or __<struct>_ if the struct is specified). Example: 'version,connector,source.ts_ms' would add __version, __connector and __source_ts_ms fields. Optionally one can also map new field name like version:VERSION,connector:CONNECTOR,source.ts_ms:EVENT_TIMESTAMP.Please note that the new field name is case-sensitive.")
        .nullable("drop.fields.header.name", Type::Text, low, "Specifies the name of a header that contains a list of fields to be removed from the event value.")
        .optional("drop.fields.from.key", Type::Boolean, "false", low, "Specifies whether to apply the drop fields behavior to the event key as well as the value. Default behavior is to only remove fields from the event value, not the key.")
        .optional("drop.fields.keep.schema.compatible", Type::Boolean, "true", low, "Controls the output event's schema compatibility when using the drop fields feature. `true`: dropped fields are removed if the schema indicates its optional leaving the schemas unchanged, `false`: dropped fields are removed from the key/value schemas, regardless of optionality.")
}
