//! Reading encoded values where they lie.

use super::{ValueError, tag};

/// An encoded value, one level of it read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View<'a> {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An int8.
    Int8(i8),
    /// An int16.
    Int16(i16),
    /// An int32.
    Int32(i32),
    /// An int64.
    Int64(i64),
    /// A float32.
    Float32(f32),
    /// A float64.
    Float64(f64),
    /// A string.
    String(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An array.
    Array(Elements<'a>),
    /// A map.
    Map(Entries<'a>),
    /// A struct: the values of its fields, in the order of its schema.
    Struct(Elements<'a>),
    /// A date, in days since 1970-01-01.
    Date(i32),
    /// A time of day, in milliseconds since midnight.
    Time(i32),
    /// A timestamp, in milliseconds since the epoch.
    Timestamp(i64),
    /// A decimal: big-endian two's complement, times 10 to the power of minus the scale.
    Decimal {
        /// The scale.
        scale: i32,
        /// The unscaled value.
        unscaled: &'a [u8],
    },
}

impl<'a> View<'a> {
    /// Reads the value that `bytes` are.
    ///
    /// # Errors
    /// When they are no value, or more than one.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<Self, ValueError> {
        let (view, rest) = Self::read_first(bytes)?;
        if rest.is_empty() {
            Ok(view)
        } else {
            Err(ValueError::Trailing(rest.len()))
        }
    }

    /// Reads the value that `bytes` begin with, and gives back what follows it.
    ///
    /// # Errors
    /// When they do not begin with a value.
    #[inline]
    pub fn read_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), ValueError> {
        let (&tag, rest) = bytes.split_first().ok_or(ValueError::Truncated)?;
        Ok(match tag {
            tag::NULL => (Self::Null, rest),
            tag::BOOLEAN => {
                let ([byte], rest) = take::<1>(rest)?;
                match byte {
                    0 => (Self::Boolean(false), rest),
                    1 => (Self::Boolean(true), rest),
                    other => return Err(ValueError::Boolean(*other)),
                }
            }
            tag::INT8 => fixed(rest, |b| Self::Int8(i8::from_le_bytes(b)))?,
            tag::INT16 => fixed(rest, |b| Self::Int16(i16::from_le_bytes(b)))?,
            tag::INT32 => fixed(rest, |b| Self::Int32(i32::from_le_bytes(b)))?,
            tag::INT64 => fixed(rest, |b| Self::Int64(i64::from_le_bytes(b)))?,
            tag::FLOAT32 => fixed(rest, |b| Self::Float32(f32::from_le_bytes(b)))?,
            tag::FLOAT64 => fixed(rest, |b| Self::Float64(f64::from_le_bytes(b)))?,
            tag::STRING => {
                let (text, rest) = sized(rest)?;
                (
                    Self::String(std::str::from_utf8(text).map_err(|_| ValueError::Utf8)?),
                    rest,
                )
            }
            tag::BYTES => {
                let (bytes, rest) = sized(rest)?;
                (Self::Bytes(bytes), rest)
            }
            tag::ARRAY => {
                let (elements, rest) = Elements::read(rest)?;
                (Self::Array(elements), rest)
            }
            tag::MAP => {
                let (elements, rest) = Elements::read(rest)?;
                (Self::Map(Entries(elements)), rest)
            }
            tag::STRUCT => {
                let (elements, rest) = Elements::read(rest)?;
                (Self::Struct(elements), rest)
            }
            tag::DATE => fixed(rest, |b| Self::Date(i32::from_le_bytes(b)))?,
            tag::TIME => fixed(rest, |b| Self::Time(i32::from_le_bytes(b)))?,
            tag::TIMESTAMP => fixed(rest, |b| Self::Timestamp(i64::from_le_bytes(b)))?,
            tag::DECIMAL => {
                let (scale, rest) = take::<4>(rest)?;
                let (unscaled, rest) = sized(rest)?;
                (
                    Self::Decimal {
                        scale: i32::from_le_bytes(*scale),
                        unscaled,
                    },
                    rest,
                )
            }
            other => return Err(ValueError::Tag(other)),
        })
    }
}

/// The number of bytes of the value that `bytes` begin with, without looking into it.
///
/// # Errors
/// When they do not begin with a value.
#[inline]
pub fn length(bytes: &[u8]) -> Result<usize, ValueError> {
    // The commonest in branches of their own, which the processor foresees.
    let common = match bytes {
        [tag::STRING, a, b, c, d, ..] => u32_of(&[*a, *b, *c, *d]).saturating_add(5),
        [tag::INT64, ..] => 9,
        _ => return uncommon_length(bytes),
    };
    if common <= bytes.len() {
        Ok(common)
    } else {
        Err(ValueError::Truncated)
    }
}

fn uncommon_length(bytes: &[u8]) -> Result<usize, ValueError> {
    let (&tag, rest) = bytes.split_first().ok_or(ValueError::Truncated)?;
    let length = match tag {
        tag::NULL => 1,
        tag::BOOLEAN | tag::INT8 => 2,
        tag::INT16 => 3,
        tag::INT32 | tag::FLOAT32 | tag::DATE | tag::TIME => 5,
        tag::INT64 | tag::FLOAT64 | tag::TIMESTAMP => 9,
        tag::STRING | tag::BYTES | tag::ARRAY | tag::MAP | tag::STRUCT => {
            u32_of(take::<4>(rest)?.0).saturating_add(5)
        }
        tag::DECIMAL => {
            let (_, rest) = take::<4>(rest)?;
            u32_of(take::<4>(rest)?.0).saturating_add(9)
        }
        other => return Err(ValueError::Tag(other)),
    };
    if length <= bytes.len() {
        Ok(length)
    } else {
        Err(ValueError::Truncated)
    }
}

/// The elements of an array or the field values of a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elements<'a> {
    count: usize,
    body: &'a [u8],
}

impl<'a> Elements<'a> {
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), ValueError> {
        let (whole, rest) = sized(bytes)?;
        let (count, body) = take::<4>(whole)?;
        Ok((
            Self {
                count: u32_of(count),
                body,
            },
            rest,
        ))
    }

    /// The values of the struct that `bytes` are; `None`: they are something else, or damaged.
    #[inline]
    #[must_use]
    pub fn of_struct(bytes: &'a [u8]) -> Option<Self> {
        let (head, body) = bytes.split_first_chunk::<9>()?;
        let [tag::STRUCT, a, b, c, d, count @ ..] = head else {
            return None;
        };
        let length = u32_of(&[*a, *b, *c, *d]).checked_add(5);
        (length == Some(bytes.len())).then_some(Self {
            count: u32_of(count),
            body,
        })
    }

    /// How many there are, as the container says; one that was not checked may hold fewer.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All elements as they are encoded, one after another.
    #[inline]
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Takes the next element, encoded; `None` at the end.
    ///
    /// # Errors
    /// When what follows is no value.
    #[inline]
    pub fn next_encoded(&mut self) -> Result<Option<&'a [u8]>, ValueError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let (element, rest) = self
            .body
            .split_at_checked(length(self.body)?)
            .ok_or(ValueError::Truncated)?;
        self.body = rest;
        Ok(Some(element))
    }

    /// Takes the next element, read; `None` at the end.
    ///
    /// # Errors
    /// When what follows is no value.
    #[inline]
    pub fn next_view(&mut self) -> Result<Option<View<'a>>, ValueError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let (view, rest) = View::read_first(self.body)?;
        self.body = rest;
        Ok(Some(view))
    }
}

/// The entries of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entries<'a>(Elements<'a>);

impl<'a> Entries<'a> {
    /// How many entries there are, as the container says.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.count
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys and values as they are encoded, one after another.
    #[inline]
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.0.body
    }

    /// Keys and values in turn, as elements.
    #[inline]
    #[must_use]
    pub fn elements(&self) -> Elements<'a> {
        self.0
    }

    /// Takes the next entry: key and value, encoded; `None` at the end.
    ///
    /// # Errors
    /// When what follows is no value, or a key has no value.
    #[inline]
    #[allow(clippy::type_complexity, reason = "a pair of slices, or the end")]
    pub fn next_encoded(&mut self) -> Result<Option<(&'a [u8], &'a [u8])>, ValueError> {
        let Some(key) = self.0.next_encoded()? else {
            return Ok(None);
        };
        let value = self.0.next_encoded()?.ok_or(ValueError::Container)?;
        Ok(Some((key, value)))
    }

    /// Looks for the entry whose key is the string `name`, and gives its encoded value.
    ///
    /// # Errors
    /// When the map is damaged.
    pub fn get(mut self, name: &str) -> Result<Option<&'a [u8]>, ValueError> {
        let mut found = None;
        while let Some((key, value)) = self.next_encoded()? {
            if key.get(5..) == Some(name.as_bytes()) && key.first() == Some(&tag::STRING) {
                found = Some(value);
            }
        }
        Ok(found)
    }
}

#[inline]
fn take<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), ValueError> {
    bytes.split_first_chunk::<N>().ok_or(ValueError::Truncated)
}

#[inline]
fn fixed<'a, const N: usize>(
    bytes: &'a [u8],
    view: impl FnOnce([u8; N]) -> View<'a>,
) -> Result<(View<'a>, &'a [u8]), ValueError> {
    let (payload, rest) = take::<N>(bytes)?;
    Ok((view(*payload), rest))
}

#[inline]
fn sized(bytes: &[u8]) -> Result<(&[u8], &[u8]), ValueError> {
    let (length, rest) = take::<4>(bytes)?;
    rest.split_at_checked(u32_of(length))
        .ok_or(ValueError::Truncated)
}

#[inline]
fn u32_of(bytes: &[u8; 4]) -> usize {
    u32::from_le_bytes(*bytes) as usize
}
