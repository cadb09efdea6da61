//! Values as the text of a header: `[1,"a"]`, `{"k":"v"}`; dates in ISO 8601; bytes in Base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_model::limits::{RECORD_BYTES_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::{ValueError, View};

use crate::calendar::{DAY_MS, Moment};
use crate::decimal;
use crate::error::TextError;
use crate::number;

/// Appends the text of a value. `schema` gives a struct's fields their names.
///
/// # Errors
/// When the value is damaged, has no schema that it needs, or grows over the limit.
pub fn print(view: View<'_>, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let start = out.len();
    Printer { out, start }.value(view, schema, false, VALUE_DEPTH_MAX)
}

struct Printer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Printer<'_> {
    fn value(
        &mut self,
        view: View<'_>,
        schema: Option<&Schema>,
        embedded: bool,
        depth_left: usize,
    ) -> Result<(), TextError> {
        match view {
            View::Null => self.push("null"),
            View::Boolean(value) => self.push(if value { "true" } else { "false" }),
            View::Int8(value) => self.push(itoa::Buffer::new().format(value)),
            View::Int16(value) => self.push(itoa::Buffer::new().format(value)),
            View::Int32(value) => self.push(itoa::Buffer::new().format(value)),
            View::Int64(value) => self.push(itoa::Buffer::new().format(value)),
            View::Float32(value) => number::float(value, self.out),
            View::Float64(value) => number::double(value, self.out),
            View::String(value) => self.text(value, embedded),
            View::Bytes(value) => self.text(&STANDARD.encode(value), embedded),
            View::Decimal { scale, unscaled } => decimal::print(scale, unscaled, self.out)?,
            View::Date(days) => self.date(i64::from(days) * DAY_MS),
            View::Time(milliseconds) => self.date(i64::from(milliseconds)),
            View::Timestamp(milliseconds) => self.date(milliseconds),
            View::Array(_) | View::Map(_) | View::Struct(_) => {
                let depth_left = depth_left.checked_sub(1).ok_or(ValueError::Depth)?;
                self.container(view, schema, depth_left)?;
            }
        }
        if self.out.len() - self.start > RECORD_BYTES_MAX {
            return Err(TextError::Size {
                max: RECORD_BYTES_MAX,
            });
        }
        Ok(())
    }

    fn container(
        &mut self,
        view: View<'_>,
        schema: Option<&Schema>,
        depth_left: usize,
    ) -> Result<(), TextError> {
        let kind = schema.map(|schema| &schema.kind);
        match view {
            View::Array(mut elements) => {
                let of = match kind {
                    Some(SchemaType::Array(element)) => Some(&**element),
                    _ => None,
                };
                self.push("[");
                let mut between = "";
                while let Some(element) = elements.next_view()? {
                    self.push(between);
                    self.value(element, of, true, depth_left)?;
                    between = ",";
                }
                self.push("]");
            }
            View::Map(entries) => {
                let (key_schema, value_schema) = match kind {
                    Some(SchemaType::Map(key, value)) => (Some(&**key), Some(&**value)),
                    _ => (None, None),
                };
                let mut elements = entries.elements();
                self.push("{");
                let mut between = "";
                while let Some(key) = elements.next_view()? {
                    let value = elements.next_view()?.ok_or(ValueError::Container)?;
                    self.push(between);
                    self.value(key, key_schema, true, depth_left)?;
                    self.push(":");
                    self.value(value, value_schema, true, depth_left)?;
                    between = ",";
                }
                self.push("}");
            }
            View::Struct(mut values) => {
                let fields = schema.map(Schema::fields).unwrap_or_default();
                if fields.len() != values.len() {
                    return Err(TextError::Fields {
                        values: values.len(),
                        fields: fields.len(),
                    });
                }
                self.push("{");
                let mut between = "";
                for field in fields {
                    let value = values.next_view()?.ok_or(ValueError::Container)?;
                    self.push(between);
                    self.text(&field.name, true);
                    self.push(":");
                    match &field.schema.default {
                        Some(default) if value == View::Null => {
                            let default = default.to_encoded();
                            let view = View::read(&default)?;
                            self.value(view, Some(&field.schema), true, depth_left)?;
                        }
                        _ => self.value(value, Some(&field.schema), true, depth_left)?,
                    }
                    between = ",";
                }
                self.push("}");
            }
            _ => {}
        }
        Ok(())
    }

    /// A text, in quotes within a container.
    fn text(&mut self, text: &str, embedded: bool) {
        if embedded {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            self.push("\"");
            self.push(&escaped);
            self.push("\"");
        } else {
            self.push(text);
        }
    }

    /// The first day and what is before it prints as a time, midnights as dates, the rest as timestamps.
    fn date(&mut self, milliseconds: i64) {
        let moment = Moment::of(milliseconds);
        let (hour, minute, second, millisecond) = moment.clock();
        let time = format!("{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z");
        let date = format!("{:04}-{:02}-{:02}", moment.year, moment.month, moment.day);
        if milliseconds < DAY_MS {
            self.push(&time);
        } else if milliseconds % DAY_MS == 0 {
            self.push(&date);
        } else {
            self.push(&format!("{date}T{time}"));
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}
