//! What the text of a header looks like: a boolean, a number of the smallest type that holds it, a date, an
//! array, a map, or just text.

use std::sync::Arc;

use tidegate_model::limits::VALUE_DEPTH_MAX;
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::Value;

use super::tokens::{Tokens, trimmed};
use crate::calendar::{DAY_MS, days_of};
use crate::decimal::Decimal;

/// A value with its schema. An array or map of values that have no type in common has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The schema, where there is one.
    pub schema: Option<Schema>,
    /// The value.
    pub value: Value,
}

/// An array or map that is none; its text is then taken as text.
struct NotParsed;

impl Parsed {
    fn new(schema: Schema, value: Value) -> Self {
        Self {
            schema: Some(schema),
            value,
        }
    }

    fn of(kind: SchemaType, value: impl Into<Value>) -> Self {
        Self::new(Schema::new(kind), value.into())
    }
}

/// Reads the text of a header; `None`: it is null.
#[must_use]
pub fn parse(text: &str) -> Option<Parsed> {
    let string = || Parsed::of(SchemaType::String, text);
    if text.is_empty() {
        return Some(string());
    }
    let mut tokens = Tokens::new(text);
    value(&mut tokens, false, VALUE_DEPTH_MAX).unwrap_or_else(|NotParsed| Some(string()))
}

/// Reads the value that comes next; `Ok(None)`: it is null. Within an array or map, texts are in quotes.
fn value(
    tokens: &mut Tokens<'_>,
    embedded: bool,
    depth_left: usize,
) -> Result<Option<Parsed>, NotParsed> {
    if !tokens.has_next() {
        return Ok(None);
    }
    if embedded && tokens.take("\"") {
        return Ok(Some(quoted(tokens)));
    }
    for (word, meaning) in [("null", None), ("true", Some(true)), ("false", Some(false))] {
        let mut ahead = tokens.clone();
        if ahead.take(word) && (embedded || !ahead.has_next()) {
            *tokens = ahead;
            return Ok(meaning.map(|value| Parsed::of(SchemaType::Boolean, value)));
        }
    }
    let mut ahead = tokens.clone();
    let container = if ahead.take("[") {
        Some(array(&mut ahead, depth_left))
    } else if ahead.take("{") {
        Some(map(&mut ahead, depth_left))
    } else {
        None
    };
    if let Some(Ok(parsed)) = container {
        *tokens = ahead;
        return Ok(Some(parsed));
    }
    let token = tokens.next();
    if trimmed(token).is_empty() {
        return Ok(Some(Parsed::of(SchemaType::String, token)));
    }
    if let Some(parsed) = literal(tokens, trimmed(token)) {
        return Ok(Some(parsed));
    }
    if embedded {
        return Err(NotParsed);
    }
    Ok(Some(Parsed::of(SchemaType::String, tokens.text())))
}

/// A number or date, which may be of five tokens, as a colon is a delimiter.
fn literal(tokens: &mut Tokens<'_>, token: &str) -> Option<Parsed> {
    let first = token.chars().next()?;
    if first.is_ascii_digit() {
        let mut ahead = tokens.clone();
        if let Some(rest) = ahead.next_many(4)
            && let Some(parsed) = temporal(&format!("{token}{rest}"))
        {
            *tokens = ahead;
            return Some(parsed);
        }
        if let Some(parsed) = temporal(token) {
            return Some(parsed);
        }
    }
    (first.is_ascii_digit() || first == '+' || first == '-')
        .then(|| number(token))
        .flatten()
}

/// The rest of a text in quotes, which may be a date.
fn quoted(tokens: &mut Tokens<'_>) -> Parsed {
    let mut content = String::new();
    while tokens.has_next() {
        if tokens.take("\"") {
            break;
        }
        content.push_str(tokens.next());
    }
    temporal(&content).unwrap_or_else(|| Parsed::of(SchemaType::String, content))
}

fn array(tokens: &mut Tokens<'_>, depth_left: usize) -> Result<Parsed, NotParsed> {
    let depth_left = depth_left.checked_sub(1).ok_or(NotParsed)?;
    let mut common = Common::default();
    let mut elements = Vec::new();
    while tokens.has_next() {
        if tokens.take("]") {
            let schema = common.schema();
            if let Some(schema) = &schema {
                elements
                    .iter_mut()
                    .for_each(|element| align(element, schema));
            }
            return Ok(Parsed {
                schema: schema.map(|schema| Schema::new(SchemaType::Array(Arc::new(schema)))),
                value: Value::Array(elements),
            });
        }
        if tokens.take(",") {
            return Err(NotParsed);
        }
        elements.push(common.add(value(tokens, true, depth_left)?));
        let ends = tokens.clone().take("]");
        if !ends && !tokens.take(",") {
            return Err(NotParsed);
        }
    }
    Err(NotParsed)
}

fn map(tokens: &mut Tokens<'_>, depth_left: usize) -> Result<Parsed, NotParsed> {
    let depth_left = depth_left.checked_sub(1).ok_or(NotParsed)?;
    let (mut keys, mut values) = (Common::default(), Common::default());
    let mut entries: Vec<(Value, Value)> = Vec::new();
    while tokens.has_next() {
        if tokens.take("}") {
            let schema = keys.schema().zip(values.schema());
            if let Some((key_schema, value_schema)) = &schema {
                for (key, value) in &mut entries {
                    align(key, key_schema);
                    align(value, value_schema);
                }
            }
            return Ok(Parsed {
                schema: schema.map(|(key, value)| {
                    Schema::new(SchemaType::Map(Arc::new(key), Arc::new(value)))
                }),
                value: Value::Map(last_wins(entries)),
            });
        }
        if tokens.take(",") {
            return Err(NotParsed);
        }
        let key = keys.add(value(tokens, true, depth_left)?);
        if key == Value::Null || !tokens.take(":") {
            return Err(NotParsed);
        }
        let value = values.add(value(tokens, true, depth_left)?);
        tokens.take(",");
        entries.push((key, value));
    }
    Err(NotParsed)
}

/// Of entries with the same key, the last value in the first one's place.
fn last_wins(entries: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match places
            .get(&key.to_encoded())
            .and_then(|place: &usize| kept.get_mut(*place))
        {
            Some(entry) => entry.1 = value,
            None => {
                places.insert(key.to_encoded(), kept.len());
                kept.push((key, value));
            }
        }
    }
    kept
}

/// The schema that all elements have in common; of numbers the widest.
#[derive(Debug, Default)]
struct Common {
    schema: Option<Schema>,
    mixed: bool,
}

impl Common {
    /// Takes an element's schema into account, and gives back its value.
    fn add(&mut self, element: Option<Parsed>) -> Value {
        let Some(Parsed { schema, value }) = element else {
            return Value::Null;
        };
        match (self.schema.take(), schema) {
            (None, Some(schema)) => self.schema = Some(schema),
            (Some(known), Some(schema)) if known == schema => self.schema = Some(known),
            (Some(known), Some(schema)) => match (rank(&known), rank(&schema)) {
                (Some(left), Some(right)) => {
                    self.schema = Some(if left < right { schema } else { known });
                }
                _ => self.mixed = true,
            },
            (_, None) => self.mixed = true,
        }
        value
    }

    fn schema(self) -> Option<Schema> {
        self.schema.filter(|_| !self.mixed)
    }
}

/// The width of a number's type.
fn rank(schema: &Schema) -> Option<u8> {
    if schema.name.is_some() {
        return None;
    }
    Some(match schema.kind {
        SchemaType::Int8 => 0,
        SchemaType::Int16 => 1,
        SchemaType::Int32 => 2,
        SchemaType::Int64 => 3,
        SchemaType::Float32 => 4,
        SchemaType::Float64 => 5,
        _ => return None,
    })
}

/// Widens a number to the type that all elements have.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn align(value: &mut Value, schema: &Schema) {
    let whole = match value {
        Value::Int8(value) => i64::from(*value),
        Value::Int16(value) => i64::from(*value),
        Value::Int32(value) => i64::from(*value),
        Value::Int64(value) => *value,
        Value::Float32(narrow) if schema.kind == SchemaType::Float64 => {
            *value = Value::Float64(f64::from(*narrow));
            return;
        }
        _ => return,
    };
    *value = match schema.kind {
        SchemaType::Int16 => Value::Int16(whole as i16),
        SchemaType::Int32 => Value::Int32(whole as i32),
        SchemaType::Int64 => Value::Int64(whole),
        SchemaType::Float32 => Value::Float32(whole as f32),
        SchemaType::Float64 => Value::Float64(whole as f64),
        _ => return,
    };
}

/// A number of the smallest type that holds it.
fn number(token: &str) -> Option<Parsed> {
    let decimal = Decimal::parse(token)?;
    if let Some(whole) = whole(&decimal) {
        return Some(
            match (
                i8::try_from(whole),
                i16::try_from(whole),
                i32::try_from(whole),
            ) {
                (Ok(value), _, _) => Parsed::of(SchemaType::Int8, value),
                (_, Ok(value), _) => Parsed::of(SchemaType::Int16, value),
                (_, _, Ok(value)) => Parsed::of(SchemaType::Int32, value),
                _ => Parsed::of(SchemaType::Int64, whole),
            },
        );
    }
    if decimal.scale != 0 {
        if let Some(value) = token.parse::<f32>().ok().filter(|value| value.is_finite()) {
            return Some(Parsed::of(SchemaType::Float32, value + 0.0));
        }
        if let Some(value) = token.parse::<f64>().ok().filter(|value| value.is_finite()) {
            return Some(Parsed::of(SchemaType::Float64, value + 0.0));
        }
    }
    Some(Parsed::new(
        Schema::decimal(decimal.scale),
        Value::Decimal {
            scale: decimal.scale,
            unscaled: decimal.unscaled,
        },
    ))
}

/// The value of a decimal that is a whole number of 64 bits.
fn whole(decimal: &Decimal) -> Option<i64> {
    // A number of 64 bits with at most 1,000 zeros behind its point has at most 420 bytes; only those that
    // become small when the zeros go need a closer look.
    if decimal.unscaled == [0] {
        return Some(0);
    }
    let mut text = Vec::new();
    crate::decimal::print(0, &decimal.unscaled, &mut text).ok()?;
    let digits = std::str::from_utf8(&text).ok()?;
    if decimal.scale <= 0 {
        let zeros = usize::try_from(decimal.scale.unsigned_abs()).ok()?;
        if zeros > 19 {
            return None;
        }
        return format!("{digits}{}", "0".repeat(zeros)).parse().ok();
    }
    let fraction = usize::try_from(decimal.scale).ok()?;
    let (whole, fraction) = digits.split_at_checked(digits.len().checked_sub(fraction)?)?;
    fraction
        .bytes()
        .all(|digit| digit == b'0')
        .then(|| whole.parse().ok())
        .flatten()
}

/// A date, time or timestamp in ISO 8601, told by its length. Values out of range carry over, as in Java.
fn temporal(token: &str) -> Option<Parsed> {
    let token = token.replace("\\:", ":");
    match token.chars().count() {
        10 => {
            let (days, _) = date(&token)?;
            let days = i32::try_from(days).ok()?;
            Some(Parsed::new(Schema::date(), Value::Date(days)))
        }
        13 => {
            let (milliseconds, rest) = time(&token)?;
            rest.starts_with('Z').then_some(())?;
            let milliseconds = i32::try_from(milliseconds).ok()?;
            Some(Parsed::new(Schema::time(), Value::Time(milliseconds)))
        }
        24 => {
            let (days, rest) = date(&token)?;
            let (milliseconds, rest) = time(rest.strip_prefix('T')?)?;
            rest.starts_with('Z').then_some(())?;
            let moment = days.checked_mul(DAY_MS)?.checked_add(milliseconds)?;
            Some(Parsed::new(Schema::timestamp(), Value::Timestamp(moment)))
        }
        _ => None,
    }
}

/// The days of `2024-01-31`, and what follows.
fn date(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = digits(text)?;
    let (month, rest) = digits(rest.strip_prefix('-')?)?;
    let (day, rest) = digits(rest.strip_prefix('-')?)?;
    Some((days_of(year, month, day), rest))
}

/// The milliseconds of `14:34:54.346`, and what follows.
fn time(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?)?;
    let (second, rest) = digits(rest.strip_prefix(':')?)?;
    let (millisecond, rest) = digits(rest.strip_prefix('.')?)?;
    let seconds = hour * 3_600 + minute * 60 + second;
    Some((seconds * 1_000 + millisecond, rest))
}

/// A number of digits, at most nine; blanks before it do not matter.
fn digits(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let length = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(length.min(9))?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str) -> Value {
        parse(text).map_or(Value::Null, |parsed| parsed.value)
    }

    #[test]
    fn numbers_take_the_smallest_type() {
        for (text, value) in [
            ("1", Value::Int8(1)),
            ("+1", Value::Int8(1)),
            ("1.0", Value::Int8(1)),
            ("128", Value::Int16(128)),
            ("1e5", Value::Int32(100_000)),
            ("9223372036854775807", Value::Int64(i64::MAX)),
            ("1.5", Value::Float32(1.5)),
            ("1e40", Value::Float64(1e40)),
            ("-0", Value::Int8(0)),
            ("-0.000", Value::Int8(0)),
            ("0.001", Value::Float32(0.001)),
        ] {
            assert_eq!(value_of(text), value, "{text}");
        }
        assert!(matches!(
            value_of("1e400"),
            Value::Decimal { scale: -400, .. }
        ));
        assert!(matches!(
            value_of("9223372036854775808"),
            Value::Decimal { scale: 0, .. }
        ));
    }

    #[test]
    fn what_looks_like_nothing_else_is_text() {
        for text in [
            "abc", "TRUE", "NaN", "[1,", "{a:1}", "true}", "[1,,2]", "-", " ", "1x",
        ] {
            assert_eq!(value_of(text), Value::from(text), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(value_of(&deep), Value::from(deep.as_str()));
    }

    #[test]
    fn dates_carry_over() {
        assert_eq!(value_of("2024-02-30"), value_of("2024-03-01"));
        assert_eq!(value_of("2024-01-31"), Value::Date(19_753));
        assert_eq!(
            value_of("[\"2024-01-31\"]"),
            Value::Array(vec![Value::Date(19_753)])
        );
    }

    #[test]
    fn elements_of_several_types_have_no_schema() {
        let parsed = parse("[1,\"a\",2]").unwrap();
        assert_eq!(parsed.schema, None);
        assert_eq!(
            parsed.value,
            Value::Array(vec![1_i8.into(), "a".into(), 2_i8.into()])
        );
    }
}
