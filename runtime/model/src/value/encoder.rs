//! Writing encoded values, straight into the buffer they end up in.

use super::tag;
use crate::short::append;

/// Appends encoded values to a buffer.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
}

/// A container that was begun and not yet ended.
#[derive(Debug)]
#[must_use = "end it with Encoder::end"]
pub struct Container {
    body: usize,
}

impl<'a> Encoder<'a> {
    /// Appends to `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Null.
    #[inline]
    pub fn null(&mut self) {
        self.out.push(tag::NULL);
    }

    /// A boolean.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(&[tag::BOOLEAN, u8::from(value)]);
    }

    /// An int8.
    #[inline]
    pub fn int8(&mut self, value: i8) {
        self.tagged(tag::INT8, value.to_le_bytes());
    }

    /// An int16.
    #[inline]
    pub fn int16(&mut self, value: i16) {
        self.tagged(tag::INT16, value.to_le_bytes());
    }

    /// An int32.
    #[inline]
    pub fn int32(&mut self, value: i32) {
        self.tagged(tag::INT32, value.to_le_bytes());
    }

    /// An int64.
    #[inline]
    pub fn int64(&mut self, value: i64) {
        self.tagged(tag::INT64, value.to_le_bytes());
    }

    /// A float32.
    #[inline]
    pub fn float32(&mut self, value: f32) {
        self.tagged(tag::FLOAT32, value.to_le_bytes());
    }

    /// A float64.
    #[inline]
    pub fn float64(&mut self, value: f64) {
        self.tagged(tag::FLOAT64, value.to_le_bytes());
    }

    /// A string.
    #[inline]
    pub fn string(&mut self, value: &str) {
        self.sized(tag::STRING, value.as_bytes());
    }

    /// Bytes.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.sized(tag::BYTES, value);
    }

    /// A date, in days since 1970-01-01.
    #[inline]
    pub fn date(&mut self, days: i32) {
        self.tagged(tag::DATE, days.to_le_bytes());
    }

    /// A time of day, in milliseconds since midnight.
    #[inline]
    pub fn time(&mut self, milliseconds: i32) {
        self.tagged(tag::TIME, milliseconds.to_le_bytes());
    }

    /// A timestamp, in milliseconds since the epoch.
    #[inline]
    pub fn timestamp(&mut self, milliseconds: i64) {
        self.tagged(tag::TIMESTAMP, milliseconds.to_le_bytes());
    }

    /// A decimal: `unscaled` (big-endian two's complement) times 10 to the power of minus `scale`.
    pub fn decimal(&mut self, scale: i32, unscaled: &[u8]) {
        self.tagged(tag::DECIMAL, scale.to_le_bytes());
        self.out.extend_from_slice(&size(unscaled.len()));
        self.out.extend_from_slice(unscaled);
    }

    /// Begins an array; write its elements, then call [`Encoder::end`].
    #[inline]
    pub fn array(&mut self) -> Container {
        self.container(tag::ARRAY)
    }

    /// Begins a map; write key and value of each entry, then call [`Encoder::end`].
    #[inline]
    pub fn map(&mut self) -> Container {
        self.container(tag::MAP)
    }

    /// Begins a struct; write its fields' values in the order of the schema, then call [`Encoder::end`].
    #[inline]
    pub fn structure(&mut self) -> Container {
        self.container(tag::STRUCT)
    }

    /// Ends a container that has `count` elements, entries or fields.
    #[inline]
    pub fn end(&mut self, container: Container, count: usize) {
        let length = size(self.out.len().saturating_sub(container.body));
        let header = container.body.wrapping_sub(4);
        if let Some(place) = self.out.get_mut(header..container.body) {
            place.copy_from_slice(&length);
        }
        if let Some(place) = self.out.get_mut(container.body..container.body + 4) {
            place.copy_from_slice(&size(count));
        }
    }

    /// A value that is already encoded.
    #[inline]
    pub fn encoded(&mut self, value: &[u8]) {
        append(self.out, value);
    }

    #[inline]
    fn container(&mut self, tag: u8) -> Container {
        self.out.extend_from_slice(&[tag, 0, 0, 0, 0, 0, 0, 0, 0]);
        Container {
            body: self.out.len() - 4,
        }
    }

    #[inline]
    fn tagged<const N: usize>(&mut self, tag: u8, payload: [u8; N]) {
        self.out.reserve(N + 1);
        self.out.push(tag);
        self.out.extend_from_slice(&payload);
    }

    #[inline]
    fn sized(&mut self, tag: u8, payload: &[u8]) {
        let [a, b, c, d] = size(payload.len());
        self.out.reserve(payload.len() + 5);
        self.out.extend_from_slice(&[tag, a, b, c, d]);
        append(self.out, payload);
    }
}

/// A length as it is written. Limits keep every length far below 4 GiB.
#[inline]
#[allow(clippy::cast_possible_truncation)]
fn size(length: usize) -> [u8; 4] {
    debug_assert!(u32::try_from(length).is_ok(), "a value of 4 GiB");
    (length as u32).to_le_bytes()
}
