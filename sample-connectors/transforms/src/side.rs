//! The key or the value: most transforms exist for each, under two class names.

use tidegate_sdk::{ConfigDef, Importance, Reads, Side, Type};

/// Where Kafka Connect keeps its transforms.
pub const PACKAGE: &str = "org.apache.kafka.connect.transforms.";

/// Which side of a record a transform works on, as a type.
pub trait OnSide: 'static {
    /// The side.
    const SIDE: Side;
    /// What a transform of that side reads.
    const READS: Reads;
    /// The end of its class name.
    const SUFFIX: &'static str;

    /// The class name of a transform.
    #[must_use]
    fn class(name: &str) -> String {
        format!("{PACKAGE}{name}{}", Self::SUFFIX)
    }
}

/// Transforms of the key.
#[derive(Debug)]
pub struct OfKey;

/// Transforms of the value.
#[derive(Debug)]
pub struct OfValue;

impl OnSide for OfKey {
    const SIDE: Side = Side::Key;
    const READS: Reads = Reads::KEYS;
    const SUFFIX: &'static str = "$Key";
}

impl OnSide for OfValue {
    const SIDE: Side = Side::Value;
    const READS: Reads = Reads::VALUES;
    const SUFFIX: &'static str = "$Value";
}

/// The key that says what to do with null where a field has a default.
pub const REPLACE_NULL: &str = "replace.null.with.default";

/// Adds [`REPLACE_NULL`] to a definition.
#[must_use]
pub fn with_replace_null(definition: ConfigDef) -> ConfigDef {
    definition.optional(
        REPLACE_NULL,
        Type::Boolean,
        "true",
        Importance::Medium,
        "Whether to replace fields that have a default value and that are null to the default value. When set to true, the default value is used, otherwise null is used.",
    )
}
