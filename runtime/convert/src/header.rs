//! `SimpleHeaderConverter`, the default for headers: text whose type is guessed from what it looks like. Its
//! schemas follow the text: `1` is an int8, `1.5` a float32, `2024-01-31` a date, `[1,2]` an array.

use tidegate_java::values::{self, Parsed};
use tidegate_model::Column;
use tidegate_model::schema::Schema;
use tidegate_model::value::{Encoder, View};

use crate::error::ConvertError;
use crate::schema_index::{SchemaIndexes, schema_of};
use crate::{Converter, RecordFailure, ValueColumn};

/// Converts headers.
#[derive(Debug, Default)]
pub(crate) struct SimpleHeaderConverter {
    /// The schema met last, with its encoding: headers of one name mostly have one type.
    last: Option<(Schema, Vec<u8>)>,
}

impl SimpleHeaderConverter {
    fn read(
        &mut self,
        text: &[u8],
        schemas: &mut Vec<Vec<u8>>,
        indexes: &mut SchemaIndexes,
        out: &mut Vec<u8>,
    ) -> Result<(i32, bool), ConvertError> {
        let text = String::from_utf8_lossy(text);
        let Some(Parsed { schema, value }) = values::parse(&text) else {
            return Ok((-1, false));
        };
        match value {
            tidegate_model::Value::String(text) => Encoder::new(out).string(&text),
            value => value.encode(out),
        }
        let Some(schema) = schema else {
            return Ok((-1, true));
        };
        if !matches!(&self.last, Some((last, _)) if *last == schema) {
            let encoded = schema.to_encoded();
            self.last = Some((schema, encoded));
        }
        match &self.last {
            Some((_, encoded)) => Ok((indexes.of(schemas, encoded)?, true)),
            None => Ok((-1, true)),
        }
    }
}

impl Converter for SimpleHeaderConverter {
    fn to_connect(
        &mut self,
        _topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        let mut values = Column::with_capacity(bytes.len(), bytes.bytes.len() + 5 * bytes.len());
        let mut indexes = Vec::with_capacity(bytes.len());
        let mut places = SchemaIndexes::default();
        for (index, entry) in bytes.iter().enumerate() {
            let mark = values.begin();
            let read = match entry {
                None => Ok((-1, false)),
                Some(text) => self.read(text, schemas, &mut places, &mut values.bytes),
            };
            match read {
                Ok((schema, some)) => {
                    indexes.push(schema);
                    if some {
                        values.end(mark);
                    } else {
                        values.push(None);
                    }
                }
                Err(error) => {
                    values.bytes.truncate(mark);
                    values.push(None);
                    indexes.push(-1);
                    failures.push(RecordFailure { index, error });
                }
            }
        }
        ValueColumn {
            values,
            schemas: indexes,
        }
    }

    fn from_connect(
        &mut self,
        _topic: &str,
        values: &Column,
        value_schemas: &[i32],
        schemas: &[Vec<u8>],
        failures: &mut Vec<RecordFailure>,
    ) -> Column {
        let mut column = Column::with_capacity(values.len(), values.bytes.len());
        let mut decoded: Vec<Option<Schema>> = vec![None; schemas.len()];
        for (index, entry) in values.iter().enumerate() {
            let Some(entry) = entry.filter(|entry| *entry != [0]) else {
                column.push(None);
                continue;
            };
            let schema = schema_of(value_schemas, index).and_then(|schema| {
                let place = decoded.get_mut(schema)?;
                if place.is_none() {
                    *place = Schema::decode(schemas.get(schema)?).ok();
                }
                place.as_ref()
            });
            let mark = column.begin();
            let written = View::read(entry)
                .map_err(ConvertError::from)
                .and_then(|view| Ok(values::print(view, schema, &mut column.bytes)?));
            match written {
                Ok(()) => column.end(mark),
                Err(error) => {
                    column.bytes.truncate(mark);
                    column.push(None);
                    failures.push(RecordFailure { index, error });
                }
            }
        }
        column
    }
}
