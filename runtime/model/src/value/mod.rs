//! The encoded Connect value: one tag byte and a payload. `wit/ENCODING.md` is its specification.
//!
//! | tag | type | payload (integers little-endian) |
//! | --- | --- | --- |
//! | 0 | null | nothing |
//! | 1 | boolean | one byte, 0 or 1 |
//! | 2, 3, 4, 5 | int8, int16, int32, int64 | 1, 2, 4, 8 bytes, two's complement |
//! | 6, 7 | float32, float64 | 4, 8 bytes, IEEE 754 |
//! | 8 | string | u32 length, then UTF-8 |
//! | 9 | bytes | u32 length, then the bytes |
//! | 10 | array | u32 length of what follows, u32 count, then the elements |
//! | 11 | map | u32 length of what follows, u32 count, then key and value of each entry |
//! | 12 | struct | u32 length of what follows, u32 count, then the fields' values in the order of the schema |
//! | 13 | date | i32, days since 1970-01-01 |
//! | 14 | time | i32, milliseconds since midnight |
//! | 15 | timestamp | i64, milliseconds since the epoch |
//! | 16 | decimal | i32 scale, u32 length, then the unscaled value, big-endian two's complement |
//!
//! Every value but null has the same tag with and without a schema. A container is skipped in one step.
//! [`Encoder`] writes, [`View`] reads without copying, [`check`] says whether bytes from outside are one
//! value, and [`Value`] is a tree for those who prefer one.

mod check;
mod encoder;
mod owned;
mod shape;
mod stretch;
mod view;

pub use check::{Checker, check};
pub use encoder::{Container, Encoder};
pub use owned::Value;
pub use stretch::{OpenStretch, Stretch};
pub use view::{Elements, Entries, View, length};

/// The tag bytes.
pub mod tag {
    /// null
    pub const NULL: u8 = 0;
    /// boolean
    pub const BOOLEAN: u8 = 1;
    /// int8
    pub const INT8: u8 = 2;
    /// int16
    pub const INT16: u8 = 3;
    /// int32
    pub const INT32: u8 = 4;
    /// int64
    pub const INT64: u8 = 5;
    /// float32
    pub const FLOAT32: u8 = 6;
    /// float64
    pub const FLOAT64: u8 = 7;
    /// string
    pub const STRING: u8 = 8;
    /// bytes
    pub const BYTES: u8 = 9;
    /// array
    pub const ARRAY: u8 = 10;
    /// map
    pub const MAP: u8 = 11;
    /// struct
    pub const STRUCT: u8 = 12;
    /// date
    pub const DATE: u8 = 13;
    /// time
    pub const TIME: u8 = 14;
    /// timestamp
    pub const TIMESTAMP: u8 = 15;
    /// decimal
    pub const DECIMAL: u8 = 16;
}

/// Bytes that are not an encoded value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes end inside the value.
    #[error("the encoded value ends early")]
    Truncated,
    /// Bytes follow the value.
    #[error("{0} bytes follow the encoded value")]
    Trailing(usize),
    /// A tag that does not exist.
    #[error("{0} is not the tag of a type; 0 to 16 are")]
    Tag(u8),
    /// A boolean that is neither 0 nor 1.
    #[error("a boolean is 0 or 1, not {0}")]
    Boolean(u8),
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    Utf8,
    /// Too many containers in one another.
    #[error("values nest deeper than {}", crate::limits::VALUE_DEPTH_MAX)]
    Depth,
    /// A container whose length and elements do not fit.
    #[error("the length of a container and its elements do not fit")]
    Container,
}
