//! What can go wrong when a value is printed.

use tidegate_model::value::ValueError;

/// A value that has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Bytes, which Java prints as an object's address.
    #[error(
        "StringConverter cannot write bytes as text; use org.apache.kafka.connect.converters.ByteArrayConverter"
    )]
    Bytes,
    /// A struct that does not fit its schema.
    #[error("a struct has {values} values, its schema {fields} fields")]
    Fields {
        /// How many values it has.
        values: usize,
        /// How many fields its schema has.
        fields: usize,
    },
    /// A decimal with too many digits.
    #[error("a decimal has {found} bytes; at most {max} can be printed")]
    Decimal {
        /// The bytes of its unscaled value.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A text that is too long.
    #[error("the text of a value has more than {max} bytes, which is the most that is allowed")]
    Size {
        /// The limit.
        max: usize,
    },
    /// An encoded value that is damaged.
    #[error("the encoded value is damaged: {0}")]
    Value(#[from] ValueError),
}
