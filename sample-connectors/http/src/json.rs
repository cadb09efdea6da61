//! Values as JSON: bytes in base64, times as numbers, decimals as texts of their digits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_sdk::prelude::*;

/// Appends a value. The schema names the fields of structs.
///
/// # Errors
/// When a struct has no schema, or a map a key that is no text.
pub fn write(value: &Value, schema: Option<&Schema>, out: &mut String) -> Result<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int8(value) => out.push_str(&value.to_string()),
        Value::Int16(value) => out.push_str(&value.to_string()),
        Value::Int32(value) | Value::Date(value) | Value::Time(value) => {
            out.push_str(&value.to_string());
        }
        Value::Int64(value) | Value::Timestamp(value) => out.push_str(&value.to_string()),
        Value::Float32(value) if value.is_finite() => out.push_str(&value.to_string()),
        Value::Float64(value) if value.is_finite() => out.push_str(&value.to_string()),
        Value::Float32(_) | Value::Float64(_) => out.push_str("null"),
        Value::String(text) => string(text, out),
        Value::Bytes(bytes) => string(&STANDARD.encode(bytes), out),
        Value::Decimal { .. } => {
            return Err(Error::data(
                "a decimal cannot be sent; a Cast makes it a text",
            ));
        }
        Value::Array(elements) => {
            let of_element = schema.and_then(|schema| match &schema.kind {
                SchemaType::Array(element) => Some(&**element),
                _ => None,
            });
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(element, of_element, out)?;
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let of_value = schema.and_then(|schema| match &schema.kind {
                SchemaType::Map(_, value) => Some(&**value),
                _ => None,
            });
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let Value::String(key) = key else {
                    return Err(Error::data(
                        "a map with a key that is no text cannot be sent",
                    ));
                };
                string(key, out);
                out.push(':');
                write(value, of_value, out)?;
            }
            out.push('}');
        }
        Value::Struct(values) => {
            let schema =
                schema.ok_or_else(|| Error::data("a struct without a schema cannot be sent"))?;
            out.push('{');
            for (index, (field, value)) in schema.fields().iter().zip(values).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(&field.name, out);
                out.push(':');
                write(value, Some(&field.schema), out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_json() {
        let value = Value::Map(vec![
            (
                "a\n\"".into(),
                Value::Array(vec![1_i64.into(), Value::Null, true.into()]),
            ),
            ("b".into(), Value::Bytes(vec![1, 2])),
            ("f".into(), Value::Float64(f64::NAN)),
        ]);
        let mut out = String::new();
        write(&value, None, &mut out).unwrap();
        assert_eq!(out, r#"{"a\n\"":[1,null,true],"b":"AQI=","f":null}"#);
        assert!(write(&Value::Struct(vec![]), None, &mut out).is_err());
    }
}
