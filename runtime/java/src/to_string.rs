//! Values as Java's `toString` prints them: `[1, a]`, `{k=v}`, `Struct{f1=true,f2=a}`.

use tidegate_model::limits::{RECORD_BYTES_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::{Elements, Entries, ValueError, View};

use crate::calendar::DAY_MS;
use crate::decimal;
use crate::error::TextError;
use crate::{date, number};

/// Appends the text of a value. `schema` gives a struct's fields their names.
///
/// # Errors
/// When the value is damaged, holds bytes, which have no text, or grows over the limit.
pub fn write(view: View<'_>, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let start = out.len();
    Text { out, start }.value(view, schema, VALUE_DEPTH_MAX)
}

struct Text<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Text<'_> {
    fn value(
        &mut self,
        view: View<'_>,
        schema: Option<&Schema>,
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
            View::String(value) => self.push(value),
            View::Decimal { scale, unscaled } => decimal::print(scale, unscaled, self.out)?,
            View::Date(days) => date::print(i64::from(days) * DAY_MS, self.out),
            View::Time(milliseconds) => date::print(i64::from(milliseconds), self.out),
            View::Timestamp(milliseconds) => date::print(milliseconds, self.out),
            View::Bytes(_) => {
                return Err(TextError::Bytes);
            }
            View::Array(elements) => self.array(elements, schema, deeper(depth_left)?)?,
            View::Map(entries) => self.map(entries, schema, deeper(depth_left)?)?,
            View::Struct(fields) => self.structure(fields, schema, deeper(depth_left)?)?,
        }
        if self.out.len() - self.start > RECORD_BYTES_MAX {
            return Err(TextError::Size {
                max: RECORD_BYTES_MAX,
            });
        }
        Ok(())
    }

    fn array(
        &mut self,
        mut elements: Elements<'_>,
        schema: Option<&Schema>,
        depth_left: usize,
    ) -> Result<(), TextError> {
        let of = match schema.map(|schema| &schema.kind) {
            Some(SchemaType::Array(element)) => Some(&**element),
            _ => None,
        };
        self.push("[");
        let mut between = "";
        while let Some(view) = elements.next_view()? {
            self.push(between);
            self.value(view, of, depth_left)?;
            between = ", ";
        }
        self.push("]");
        Ok(())
    }

    fn map(
        &mut self,
        entries: Entries<'_>,
        schema: Option<&Schema>,
        depth_left: usize,
    ) -> Result<(), TextError> {
        let (key_schema, value_schema) = match schema.map(|schema| &schema.kind) {
            Some(SchemaType::Map(key, value)) => (Some(&**key), Some(&**value)),
            _ => (None, None),
        };
        let mut elements = entries.elements();
        self.push("{");
        let mut between = "";
        while let Some(key) = elements.next_view()? {
            let value = elements.next_view()?.ok_or(ValueError::Container)?;
            self.push(between);
            self.value(key, key_schema, depth_left)?;
            self.push("=");
            self.value(value, value_schema, depth_left)?;
            between = ", ";
        }
        self.push("}");
        Ok(())
    }

    /// Fields that are null are left out, as Kafka Connect's `Struct.toString` does.
    fn structure(
        &mut self,
        mut values: Elements<'_>,
        schema: Option<&Schema>,
        depth_left: usize,
    ) -> Result<(), TextError> {
        let fields = schema.map(Schema::fields).unwrap_or_default();
        if fields.len() != values.len() {
            return Err(TextError::Fields {
                values: values.len(),
                fields: fields.len(),
            });
        }
        self.push("Struct{");
        let mut between = "";
        for field in fields {
            let view = values.next_view()?.ok_or(ValueError::Container)?;
            if view == View::Null {
                continue;
            }
            self.push(between);
            self.push(&field.name);
            self.push("=");
            self.value(view, Some(&field.schema), depth_left)?;
            between = ",";
        }
        self.push("}");
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

fn deeper(depth_left: usize) -> Result<usize, ValueError> {
    depth_left.checked_sub(1).ok_or(ValueError::Depth)
}
