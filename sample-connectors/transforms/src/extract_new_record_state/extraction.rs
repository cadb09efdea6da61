//! The rows of one batch, put in place of its change events.

use tidegate_sdk::model::limits::TOPIC_TEXT_BYTES_MAX;
use tidegate_sdk::{Edit, Error, NO_SCHEMA, Result, Row as Record, SchemaPlans, Schemas};

use super::dropped_fields::{DroppedFields, Named};
use super::envelope::{Envelope, Rules, Slots};
use super::row::Row;
use super::topics::Topics;
use super::{Mode, PURPOSE};
use crate::encoded::{present, require_struct};

/// The work on one batch.
#[derive(Debug)]
pub struct Extraction<'a> {
    pub mode: Mode,
    pub rules: &'a Rules,
    pub dropping: Option<&'a DroppedFields>,
    pub plans: &'a mut SchemaPlans<Option<Envelope>>,
    pub slots: &'a mut Slots,
    /// The number of the batch, for schemas.
    pub batch: u64,
    /// For each record what its header names; nothing afterwards where there is nothing to drop from the key.
    pub named: &'a mut [Named],
    /// Where records go.
    pub topics: Topics,
    /// The records that are dropped.
    pub discarded: Vec<usize>,
}

impl Extraction<'_> {
    /// Appends the row of a change event.
    pub fn edit(
        &mut self,
        record: Record<'_>,
        schemas: &mut Schemas<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Edit> {
        let index = record.index;
        let named = self.take_named(index);
        let Some(value) = present(record.value) else {
            return Ok(match self.mode {
                Mode::RewriteWithTombstone => Edit::Unchanged,
                _ => self.discard(index),
            });
        };
        if record.value_schema == NO_SCHEMA {
            return Ok(Edit::Unchanged);
        }
        let rules = self.rules;
        let plan = self.plans.plan(schemas, record.value_schema, |schema| {
            Ok(Envelope::of(schema, rules))
        })?;
        let Some(envelope) = plan else {
            return Ok(Edit::Unchanged);
        };
        let elements = require_struct(Some(value), PURPOSE)?;
        envelope.locate(elements, self.slots)?;
        let body = elements.body();
        let dropped = match self.dropping {
            Some(dropping) => dropping.fields(named),
            None => Ok(None),
        };
        let after = envelope.after.as_mut().ok_or_else(|| unknown("after"))?;
        let (row, found, is_deleted) = match after.find(self.slots, body) {
            Some(found) => (after, found, false),
            None => {
                let before = envelope.before.as_mut().ok_or_else(|| unknown("before"))?;
                let Some(found) = before.find(self.slots, body) else {
                    return Ok(self.discard(index));
                };
                if self.mode == Mode::Drop {
                    return Ok(self.discard(index));
                }
                route(&mut self.topics, index, before, found)?;
                dropped.as_ref().map_err(Clone::clone)?;
                let null = match self.mode {
                    Mode::Tombstone => after.as_it_stands.index(schemas, self.batch),
                    _ => NO_SCHEMA,
                };
                if !rules.rewrite {
                    self.give_back(index, named);
                    return Ok(Edit::Null(null));
                }
                (before, found, true)
            }
        };
        if !is_deleted {
            route(&mut self.topics, index, row, found)?;
        }
        let shape = row.shape(rules, &envelope.fields, dropped?)?;
        let added = envelope.fields.as_deref().unwrap_or_default();
        shape.write(found, is_deleted, added, self.slots, body, out)?;
        let schema = shape.schema.index(schemas, self.batch);
        self.give_back(index, named);
        Ok(Edit::Written(schema))
    }

    fn discard(&mut self, index: usize) -> Edit {
        self.discarded.push(index);
        Edit::Null(NO_SCHEMA)
    }

    fn take_named(&mut self, index: usize) -> Named {
        let named = self.named.get_mut(index);
        named.map_or(Named::Nothing, |named| {
            std::mem::replace(named, Named::Nothing)
        })
    }

    /// Notes that fields are to be dropped from the key as well.
    fn give_back(&mut self, index: usize, named: Named) {
        if let Some(place) = self.named.get_mut(index) {
            *place = named;
        }
    }
}

/// Sends a record where its row says.
fn route(topics: &mut Topics, index: usize, row: &Row, found: &[u8]) -> Result<()> {
    let Some(topic) = row.topic(found)? else {
        return Ok(());
    };
    if topic.len() > TOPIC_TEXT_BYTES_MAX {
        return Err(Error::data(format_args!(
            "The field that route.by.field names has a topic of {} bytes; at most {TOPIC_TEXT_BYTES_MAX} are allowed",
            topic.len()
        )));
    }
    topics.choose(index, topic);
    Ok(())
}

fn unknown(field: &str) -> Error {
    Error::data(format_args!(
        "Unknown field: {field}: the envelope has no such row"
    ))
}
