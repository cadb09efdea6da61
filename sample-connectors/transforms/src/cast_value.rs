//! A value as another type: whole numbers are cut as Java's casts cut them, texts are read and printed as Java does.

use tidegate_java::calendar::DAY_MS;
use tidegate_java::{class_name::class_name, decimal_number, parse, values};
use tidegate_sdk::model::value::tag;
use tidegate_sdk::{Encoder, Error, Result, SchemaType, View};

/// A type that values are cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// int8
    Int8,
    /// int16
    Int16,
    /// int32
    Int32,
    /// int64
    Int64,
    /// float32
    Float32,
    /// float64
    Float64,
    /// boolean
    Boolean,
    /// string
    String,
}

impl Target {
    /// The type with a name in upper case; `None`: it is none that values are cast to.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "INT8" => Self::Int8,
            "INT16" => Self::Int16,
            "INT32" => Self::Int32,
            "INT64" => Self::Int64,
            "FLOAT32" => Self::Float32,
            "FLOAT64" => Self::Float64,
            "BOOLEAN" => Self::Boolean,
            "STRING" => Self::String,
            _ => return None,
        })
    }

    /// The type of its schema.
    #[must_use]
    pub fn kind(self) -> SchemaType {
        match self {
            Self::Int8 => SchemaType::Int8,
            Self::Int16 => SchemaType::Int16,
            Self::Int32 => SchemaType::Int32,
            Self::Int64 => SchemaType::Int64,
            Self::Float32 => SchemaType::Float32,
            Self::Float64 => SchemaType::Float64,
            Self::Boolean => SchemaType::Boolean,
            Self::String => SchemaType::String,
        }
    }

    /// Whether an encoded value has that type already.
    #[inline]
    #[must_use]
    pub fn is_type_of(self, value: &[u8]) -> bool {
        let own = match self {
            Self::Int8 => tag::INT8,
            Self::Int16 => tag::INT16,
            Self::Int32 => tag::INT32,
            Self::Int64 => tag::INT64,
            Self::Float32 => tag::FLOAT32,
            Self::Float64 => tag::FLOAT64,
            Self::Boolean => tag::BOOLEAN,
            Self::String => tag::STRING,
        };
        value.first() == Some(&own)
    }

    /// Whether texts of numbers so large are read as this type.
    fn holds(self, number: i64) -> bool {
        match self {
            Self::Int8 => i8::try_from(number).is_ok(),
            Self::Int16 => i16::try_from(number).is_ok(),
            Self::Int32 => i32::try_from(number).is_ok(),
            _ => true,
        }
    }
}

/// Appends an encoded value, which is not null, as another type. Without a schema, Kafka Connect does not know dates
/// and decimals.
///
/// # Errors
/// A data error, as Kafka Connect says it, when the value has no such meaning.
#[allow(
    clippy::cast_possible_truncation,
    reason = "Java's casts cut what is too large, and so does this"
)]
pub fn cast(value: &[u8], to: Target, has_schema: bool, out: &mut Vec<u8>) -> Result<()> {
    let view = View::read(value)?;
    check_castable(&view, has_schema)?;
    if let View::Time(milliseconds) = view
        && to != Target::String
        && !(0..=DAY_MS).contains(&i64::from(milliseconds))
    {
        return Err(Error::data(
            "Kafka Connect Time type should not have any date fields set to non-zero values.",
        ));
    }
    match to {
        Target::Int8 => {
            let number = whole(view, to)? as i8;
            Encoder::new(out).int8(number);
        }
        Target::Int16 => {
            let number = whole(view, to)? as i16;
            Encoder::new(out).int16(number);
        }
        Target::Int32 => {
            let number = whole(view, to)? as i32;
            Encoder::new(out).int32(number);
        }
        Target::Int64 => {
            let number = whole(view, to)?;
            Encoder::new(out).int64(number);
        }
        Target::Float32 => {
            let number = float(view)?;
            Encoder::new(out).float32(number);
        }
        Target::Float64 => {
            let number = double(view)?;
            Encoder::new(out).float64(number);
        }
        Target::Boolean => {
            let truth = boolean(view)?;
            Encoder::new(out).boolean(truth);
        }
        Target::String => text(view, out)?,
    }
    Ok(())
}

fn check_castable(view: &View<'_>, has_schema: bool) -> Result<()> {
    let kind = match view {
        View::Array(_) => "ARRAY",
        View::Map(_) => "MAP",
        View::Struct(_) => "STRUCT",
        View::Date(_) | View::Time(_) | View::Timestamp(_) | View::Decimal { .. }
            if !has_schema =>
        {
            return Err(Error::data(format_args!(
                "Cast transformation was passed a value of type {} which is not supported by Connect's data API",
                class_name(view)
            )));
        }
        _ => return Ok(()),
    };
    Err(not_castable(kind))
}

/// A value of a type that is never cast.
#[must_use]
pub fn not_castable(kind: &str) -> Error {
    Error::data(format_args!(
        "Cast transformation does not support casting from {kind}; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]"
    ))
}

/// A whole number, to be cut to its type.
fn whole(view: View<'_>, to: Target) -> Result<i64> {
    let wide = to == Target::Int64;
    Ok(match view {
        View::Int8(number) => number.into(),
        View::Int16(number) => number.into(),
        View::Int32(number) | View::Date(number) | View::Time(number) => number.into(),
        View::Int64(number) | View::Timestamp(number) => number,
        // Java goes by way of an int to the smaller types: what is too large is the largest, then cut.
        View::Float32(number) if !wide => (number as i32).into(),
        View::Float64(number) if !wide => (number as i32).into(),
        View::Float32(number) => number as i64,
        View::Float64(number) => number as i64,
        View::Decimal { scale, unscaled } => {
            decimal_number::long(scale, unscaled).map_err(Error::data)?
        }
        View::Boolean(truth) => truth.into(),
        View::String(text) => parse::long(text)
            .filter(|number| to.holds(*number))
            .ok_or_else(|| out_of_range(text))?,
        other => return Err(unexpected(&other)),
    })
}

fn float(view: View<'_>) -> Result<f32> {
    Ok(match view {
        View::Int8(number) => number.into(),
        View::Int16(number) => number.into(),
        View::Int32(number) | View::Date(number) | View::Time(number) => number as f32,
        View::Int64(number) | View::Timestamp(number) => number as f32,
        View::Float32(number) => number,
        View::Float64(number) => number as f32,
        View::Decimal { scale, unscaled } => {
            decimal_number::float(scale, unscaled).map_err(Error::data)?
        }
        View::Boolean(truth) => f32::from(u8::from(truth)),
        View::String(text) => parse::float(text).ok_or_else(|| out_of_range(text))?,
        other => return Err(unexpected(&other)),
    })
}

fn double(view: View<'_>) -> Result<f64> {
    Ok(match view {
        View::Int8(number) => number.into(),
        View::Int16(number) => number.into(),
        View::Int32(number) | View::Date(number) | View::Time(number) => number.into(),
        View::Int64(number) | View::Timestamp(number) => number as f64,
        View::Float32(number) => number.into(),
        View::Float64(number) => number,
        View::Decimal { scale, unscaled } => {
            decimal_number::double(scale, unscaled).map_err(Error::data)?
        }
        View::Boolean(truth) => f64::from(u8::from(truth)),
        View::String(text) => parse::double(text).ok_or_else(|| out_of_range(text))?,
        other => return Err(unexpected(&other)),
    })
}

fn boolean(view: View<'_>) -> Result<bool> {
    Ok(match view {
        View::Boolean(truth) => truth,
        View::String(text) => text.eq_ignore_ascii_case("true"),
        other => whole(other, Target::Int64)? != 0,
    })
}

/// Appends a text; its length is put in when it is known.
fn text(view: View<'_>, out: &mut Vec<u8>) -> Result<()> {
    let mark = out.len();
    out.extend_from_slice(&[tag::STRING, 0, 0, 0, 0]);
    values::print(view, None, out).map_err(Error::data)?;
    let length = u32::try_from(out.len() - mark - 5).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(mark + 1..mark + 5) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    Ok(())
}

#[cold]
fn out_of_range(text: &str) -> Error {
    Error::data(format_args!(
        "Value ({text}) was out of range for requested data type"
    ))
}

#[cold]
fn unexpected(view: &View<'_>) -> Error {
    Error::data(format_args!(
        "Unexpected type in Cast transformation: {}",
        class_name(view)
    ))
}
