//! What can go wrong in a converter. Messages begin as Kafka Connect's do where it has one.

use tidegate_java::TextError;
use tidegate_model::ErrorClass;
use tidegate_model::limits::VALUE_DEPTH_MAX;
use tidegate_model::schema::SchemaError;
use tidegate_model::value::ValueError;
use tidegate_registry::{RegistryError, Setting};

/// Kafka Connect's message of text that is not JSON, which ends there.
const JSON_MESSAGE: &str =
    "Converting byte[] to Kafka Connect data failed due to serialization error: ";

/// A configuration that cannot work, or a record that cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A converter class that does not exist here.
    #[error(
        "there is no converter {found}; nearest: {nearest}; all are in docs/config.md and at GET \
         /connector-plugins?connectorsOnly=false"
    )]
    Class {
        /// The name that was asked for.
        found: String,
        /// The names most like it.
        nearest: String,
    },
    /// A converter that cannot serve in the role it was configured for.
    #[error("{class} converts headers only; it cannot convert keys or values")]
    HeadersOnly {
        /// The class.
        class: &'static str,
    },
    /// A converter that cannot convert headers.
    #[error(
        "{class} converts keys and values only; for headers use org.apache.kafka.connect.storage.SimpleHeaderConverter"
    )]
    NoHeaders {
        /// The class.
        class: &'static str,
    },
    /// A setting of the schema registry that cannot work.
    #[error(transparent)]
    Setting(#[from] Setting),
    /// A schema that the registry did not give or take.
    #[error("{what} {error}")]
    Registry {
        /// What was done, as Kafka Connect says it.
        what: String,
        /// What the registry said, or why it said nothing.
        error: Box<RegistryError>,
    },
    /// A configuration value that is not allowed.
    #[error("{key} is {found:?}; allowed: {wanted}")]
    Option {
        /// The key.
        key: &'static str,
        /// The value found.
        found: String,
        /// What is allowed.
        wanted: String,
    },
    /// Text that is not JSON.
    #[error("{JSON_MESSAGE}at byte {offset}: {problem}")]
    Json {
        /// Where, in bytes from the beginning of the key, value or header.
        offset: usize,
        /// What is wrong.
        problem: JsonProblem,
    },
    /// Data that the converter or the schema does not allow.
    #[error("{0}")]
    Data(String),
    /// The same, where Kafka Connect throws another exception than its `DataException`.
    #[error("{message}")]
    Thrown {
        /// The exception's class.
        exception: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The same, where Kafka Connect's message does not say what is wrong and its cause does.
    #[error("{message}{}", cause.text)]
    Caused {
        /// Kafka Connect's message.
        message: String,
        /// What is wrong.
        cause: Cause,
    },
    /// An encoded value that is damaged.
    #[error("the encoded value is damaged: {0}")]
    Value(#[from] ValueError),
    /// A value that has no text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// An encoded schema that is damaged.
    #[error("the encoded schema is damaged: {0}")]
    Schema(#[from] SchemaError),
    /// What the conversion needs is away, such as a schema registry.
    #[error("{0}")]
    Away(String),
    /// A record that is too large.
    #[error("{what} has more than {max} bytes, which is the most that is allowed")]
    Size {
        /// What is too large.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}

/// Why there is an error, where its message does not say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The class of the exception that is the cause in Kafka Connect.
    pub exception: &'static str,
    /// What is wrong.
    pub text: String,
}

/// The exception of Kafka's deserializers.
pub(crate) const SERIALIZATION: &str = "org.apache.kafka.common.errors.SerializationException";
/// The exception of a schema that cannot be built.
pub(crate) const SCHEMA_BUILDER: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";
/// The exception of data in general.
pub(crate) const DATA: &str = "org.apache.kafka.connect.errors.DataException";

/// What is wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// An exponent that no `BigDecimal` has.
    #[error("the exponent of a number has more than 32 bits")]
    Exponent,
    /// The text ends too soon.
    #[error("the JSON text ends early")]
    End,
    /// A byte that cannot stand there.
    #[error("found {:?}, expected {wanted}", char::from(*.found))]
    Unexpected {
        /// The byte.
        found: u8,
        /// What could stand there.
        wanted: &'static str,
    },
    /// Something follows the value.
    #[error("text follows the JSON value")]
    Trailing,
    /// Bytes that are not UTF-8.
    #[error("the text is not valid UTF-8")]
    Utf8,
    /// Nested too deep.
    #[error("arrays and objects nest deeper than {VALUE_DEPTH_MAX}")]
    Depth,
    /// A number of too many digits.
    #[error("a number is longer than {} characters", crate::json::NUMBER_BYTES_MAX)]
    Number,
    /// An escape that does not exist.
    #[error(
        "a backslash is followed by neither \" \\ / b f n r t nor u and four hexadecimal digits"
    )]
    Escape,
}

impl ConvertError {
    /// What the worker does about it: a configuration is refused, a record is subject to `errors.tolerance`, and what is
    /// retriable may succeed later.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Class { .. }
            | Self::HeadersOnly { .. }
            | Self::NoHeaders { .. }
            | Self::Setting(_)
            | Self::Option { .. } => ErrorClass::Config,
            Self::Registry { error, .. } => error.class(),
            Self::Json { .. }
            | Self::Data(_)
            | Self::Thrown { .. }
            | Self::Caused { .. }
            | Self::Value(_)
            | Self::Text(_)
            | Self::Schema(_)
            | Self::Size { .. } => ErrorClass::Data,
            Self::Away(_) => ErrorClass::Retriable,
        }
    }

    /// What is wrong, and what the bytes have to do with it where Kafka Connect's message does not say that: it names
    /// the exception of its parser as the cause instead.
    #[must_use]
    pub fn message_and_cause(&self) -> (String, Option<Cause>) {
        match self {
            Self::Json { offset, problem } => (
                JSON_MESSAGE.to_owned(),
                Some(Cause {
                    exception: SERIALIZATION,
                    text: format!("at byte {offset}: {problem}"),
                }),
            ),
            Self::Caused { message, cause } => (message.clone(), Some(cause.clone())),
            other => (other.to_string(), None),
        }
    }

    /// The exception that Kafka Connect throws, where its class does not follow from the class of the error.
    #[must_use]
    pub fn exception(&self) -> Option<&'static str> {
        match self {
            Self::Thrown { exception, .. } => Some(exception),
            _ => None,
        }
    }

    /// The configuration key that is at fault, without the converter's prefix.
    #[must_use]
    pub fn config_key(&self) -> Option<&'static str> {
        match self {
            Self::Option { key, .. } => Some(key),
            Self::Setting(setting) => Some(setting.key),
            _ => None,
        }
    }

    /// A record that the data or its schema makes impossible.
    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::Data(message.into())
    }
}
