//! What the text of a header looks like: a boolean, a number of the smallest type that holds it, a date, an
//! array, a map, or just text.

use std::sync::{Arc, LazyLock};

use tidegate_model::limits::VALUE_DEPTH_MAX;
use tidegate_model::schema::{self, Schema, SchemaType};
use tidegate_model::value::{Value, tag};

use super::tokens::{Tokens, is_blank, trimmed};
use crate::calendar::DAY_MS;
use crate::date_format::DateFormat;
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
        let mark = tokens.mark();
        if tokens.take(word) && (embedded || !tokens.has_next()) {
            return Ok(meaning.map(|value| Parsed::of(SchemaType::Boolean, value)));
        }
        tokens.rewind(mark);
    }
    let mark = tokens.mark();
    let container = if tokens.take("[") {
        Some(array(tokens, depth_left))
    } else if tokens.take("{") {
        Some(map(tokens, depth_left))
    } else {
        None
    };
    match container {
        Some(Ok(parsed)) => return Ok(Some(parsed)),
        Some(Err(NotParsed)) => tokens.rewind(mark),
        None => {}
    }
    let token = tokens.next();
    if is_blank(token) {
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
        let mark = tokens.mark();
        if let Some(rest) = tokens.next_many(4)
            && let Some(parsed) = temporal(&format!("{token}{rest}"))
        {
            return Some(parsed);
        }
        tokens.rewind(mark);
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
            let schema = common.align(elements.iter_mut())?;
            return Ok(Parsed {
                schema: schema.map(|schema| Schema::new(SchemaType::Array(Arc::new(schema)))),
                value: Value::Array(elements),
            });
        }
        if tokens.take(",") {
            return Err(NotParsed);
        }
        elements.push(common.add(value(tokens, true, depth_left)?));
        let mark = tokens.mark();
        if tokens.take("]") {
            tokens.rewind(mark);
        } else if !tokens.take(",") {
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
            // Values are left alone where keys have nothing in common.
            let has_keys = matches!(keys, Common::Of(..));
            let mut entries = last_wins(entries);
            let keys = keys.align(entries.iter_mut().map(|(key, _)| key))?;
            let values = match has_keys {
                true => values.align(entries.iter_mut().map(|(_, value)| value))?,
                false => None,
            };
            return Ok(Parsed {
                schema: keys.zip(values).map(|(key, value)| {
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

/// The schema that all elements have in common: of numbers the widest, of other types the last.
#[derive(Debug, Default)]
enum Common {
    /// All are null so far.
    #[default]
    Any,
    /// A type, and its schema, which an array or map of elements without one does not have.
    Of(u8, Option<Schema>),
    /// There is none.
    Mixed,
}

impl Common {
    /// Takes an element's schema into account, and gives back its value.
    fn add(&mut self, element: Option<Parsed>) -> Value {
        let Some(Parsed { schema, value }) = element else {
            return Value::Null;
        };
        let kind = match (&schema, &value) {
            (Some(schema), _) => schema.kind.tag(),
            (None, Value::Map(_)) => tag::MAP,
            (None, _) => tag::ARRAY,
        };
        *self = match std::mem::take(self) {
            Self::Any => Self::Of(kind, schema),
            Self::Mixed => Self::Mixed,
            Self::Of(known, _) if known == kind => Self::Of(kind, schema),
            Self::Of(known, of) => match (rank(known), rank(kind)) {
                (Some(left), Some(right)) if left < right => Self::Of(kind, schema),
                (Some(_), Some(_)) => Self::Of(known, of),
                _ => Self::Mixed,
            },
        };
        value
    }

    /// Makes values of one type of those that were added; the answer is their schema.
    fn align<'a>(
        self,
        values: impl Iterator<Item = &'a mut Value>,
    ) -> Result<Option<Schema>, NotParsed> {
        let Self::Of(_, schema) = self else {
            return Ok(None);
        };
        let mut fits = true;
        for value in values {
            // A common type allows no null.
            if *value == Value::Null {
                return Err(NotParsed);
            }
            if let Some(schema) = &schema {
                align(value, schema)?;
                fits &= value.fits(schema);
            }
        }
        Ok(schema.filter(|_| fits))
    }
}

/// The width of a number's type, which is that of dates too.
fn rank(kind: u8) -> Option<u8> {
    let kinds = [
        SchemaType::Int8,
        SchemaType::Int16,
        SchemaType::Int32,
        SchemaType::Int64,
        SchemaType::Float32,
        SchemaType::Float64,
    ];
    let place = kinds.iter().position(|known| known.tag() == kind)?;
    u8::try_from(place).ok()
}

/// Turns a number into the type that all elements have, dates and times included.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn align(value: &mut Value, schema: &Schema) -> Result<(), NotParsed> {
    let is_number = rank(schema.kind.tag()).is_some();
    let is_date = matches!(
        schema.name.as_deref(),
        Some(schema::DATE | schema::TIME | schema::TIMESTAMP)
    );
    let whole = match value {
        Value::Int8(value) => i64::from(*value),
        Value::Int16(value) => i64::from(*value),
        Value::Int32(value) => i64::from(*value),
        Value::Int64(value) => *value,
        Value::Date(days) if schema.name.as_deref() == Some(schema::TIMESTAMP) => {
            i64::from(*days) * DAY_MS
        }
        Value::Time(milliseconds) if schema.name.as_deref() == Some(schema::TIMESTAMP) => {
            i64::from(*milliseconds)
        }
        Value::Date(_) | Value::Time(_) | Value::Timestamp(_) if is_number && !is_date => {
            return Err(NotParsed);
        }
        Value::Float32(narrow) if schema.kind == SchemaType::Float64 => {
            *value = Value::Float64(f64::from(*narrow));
            return Ok(());
        }
        _ => return Ok(()),
    };
    *value = match (schema.name.as_deref(), &schema.kind) {
        (Some(schema::DATE), _) => Value::Date(whole as i32),
        (Some(schema::TIME), _) if !(0..=DAY_MS).contains(&whole) => return Err(NotParsed),
        (Some(schema::TIME), _) => Value::Time(whole as i32),
        (Some(schema::TIMESTAMP), _) => Value::Timestamp(whole),
        (_, SchemaType::Int16) => Value::Int16(whole as i16),
        (_, SchemaType::Int32) => Value::Int32(whole as i32),
        (_, SchemaType::Int64) => Value::Int64(whole),
        (_, SchemaType::Float32) => Value::Float32(whole as f32),
        (_, SchemaType::Float64) => Value::Float64(whole as f64),
        _ => return Ok(()),
    };
    Ok(())
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

/// The dates, times and timestamps that are told by their length.
static DATE: LazyLock<Option<DateFormat>> = LazyLock::new(|| format_of("yyyy-MM-dd"));
static TIME: LazyLock<Option<DateFormat>> = LazyLock::new(|| format_of("HH:mm:ss.SSS'Z'"));
static TIMESTAMP: LazyLock<Option<DateFormat>> =
    LazyLock::new(|| format_of("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"));

/// None of them has years of two digits, for which a format would have to know the time.
fn format_of(pattern: &str) -> Option<DateFormat> {
    DateFormat::compile(pattern, 0).ok()
}

/// A date, time or timestamp in ISO 8601. Values out of range carry over, as in Java.
fn temporal(token: &str) -> Option<Parsed> {
    let token = token.replace("\\:", ":");
    let moment = |format: &Option<DateFormat>| format.as_ref()?.parse(&token);
    // Java counts a character beyond the basic plane twice.
    match token.encode_utf16().count() {
        10 => {
            let days = moment(&DATE)?.div_euclid(DAY_MS);
            let days = i32::try_from(days).ok()?;
            Some(Parsed::new(Schema::date(), Value::Date(days)))
        }
        13 => {
            let milliseconds = i32::try_from(moment(&TIME)?).ok()?;
            Some(Parsed::new(Schema::time(), Value::Time(milliseconds)))
        }
        24 => Some(Parsed::new(
            Schema::timestamp(),
            Value::Timestamp(moment(&TIMESTAMP)?),
        )),
        _ => None,
    }
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
