//! The configuration of the Avro converter, with Confluent's keys and defaults.

use tidegate_registry::RegistryConfig;

use super::subject::{Strategy, strategy};
use crate::error::ConvertError;
use crate::options::{Options, refused};

pub(crate) const AUTO_REGISTER: &str = "auto.register.schemas";
pub(crate) const USE_SCHEMA_ID: &str = "use.schema.id";
pub(crate) const ID_STRICT: &str = "id.compatibility.strict";
pub(crate) const USE_LATEST: &str = "use.latest.version";
pub(crate) const LATEST_STRICT: &str = "latest.compatibility.strict";
pub(crate) const NORMALIZE: &str = "normalize.schemas";
pub(crate) const KEY_STRATEGY: &str = "key.subject.name.strategy";
pub(crate) const VALUE_STRATEGY: &str = "value.subject.name.strategy";
pub(crate) const CACHE: &str = "schemas.cache.config";
pub(crate) const ENHANCED: &str = "enhanced.avro.schema.support";
pub(crate) const SUM_TYPES: &str = "generalized.sum.type.support";
pub(crate) const IGNORE_DEFAULT: &str = "ignore.default.for.nullables";
pub(crate) const SCRUB: &str = "scrub.invalid.names";
pub(crate) const META_DATA: &str = "connect.meta.data";
pub(crate) const OPTIONAL_KEYS: &str = "allow.optional.map.keys";
pub(crate) const DISCARD: &str = "discard.type.doc.default";
pub(crate) const FLATTEN: &str = "flatten.singleton.unions";

/// How Connect's data and Avro's stand for each other.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key")]
pub(super) struct DataOptions {
    pub(super) enhanced: bool,
    pub(super) generalized_sum_types: bool,
    pub(super) ignore_defaults: bool,
    pub(super) scrub_invalid_names: bool,
    pub(super) meta_data: bool,
    pub(super) optional_map_keys: bool,
    pub(super) flatten: bool,
    /// Whether documentation and defaults go with fields only.
    pub(super) discard: bool,
}

/// Which schema values are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Their own, which is registered.
    Register,
    /// Their own, which must be registered.
    Registered,
    /// The one with this id.
    Id(i32),
    /// The latest of the subject.
    Latest,
}

/// The whole configuration.
#[derive(Debug)]
pub(super) struct AvroOptions {
    pub(super) registry: RegistryConfig,
    pub(super) data: DataOptions,
    pub(super) target: Target,
    pub(super) normalize: bool,
    pub(super) strategy: Strategy,
    pub(super) cache_size: usize,
}

impl AvroOptions {
    /// Reads the configuration of a converter of keys or of values.
    ///
    /// # Errors
    /// When a value is not allowed.
    pub(super) fn parse(options: Options<'_>, is_key: bool) -> Result<Self, ConvertError> {
        let registry = RegistryConfig::parse(options.0)?;
        let id = match options.text(USE_SCHEMA_ID).map(str::trim) {
            None | Some("-1") => None,
            Some(text) => Some(text.parse::<i32>().ok().filter(|id| *id >= 0).ok_or_else(
                || refused(USE_SCHEMA_ID, text, "the id of a schema, or -1 for none"),
            )?),
        };
        let auto_register = options.boolean(AUTO_REGISTER, true)?;
        let use_latest = options.boolean(USE_LATEST, false)?;
        // What is written is always what the schema allows, so these change nothing but must be right.
        options.boolean(ID_STRICT, true)?;
        options.boolean(LATEST_STRICT, true)?;
        Ok(Self {
            registry,
            data: DataOptions {
                enhanced: options.boolean(ENHANCED, false)?,
                generalized_sum_types: options.boolean(SUM_TYPES, false)?,
                ignore_defaults: options.boolean(IGNORE_DEFAULT, false)?,
                scrub_invalid_names: options.boolean(SCRUB, false)?,
                meta_data: options.boolean(META_DATA, true)?,
                optional_map_keys: options.boolean(OPTIONAL_KEYS, false)?,
                flatten: options.boolean(FLATTEN, true)?,
                discard: options.boolean(DISCARD, false)?,
            },
            target: match (auto_register, id, use_latest) {
                (true, ..) => Target::Register,
                (false, Some(id), _) => Target::Id(id),
                (false, None, true) => Target::Latest,
                (false, None, false) => Target::Registered,
            },
            normalize: options.boolean(NORMALIZE, false)?,
            strategy: strategy(options, is_key)?,
            cache_size: options.count(CACHE, 1_000)?.max(1),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::DataOptions;

    /// The defaults.
    pub(in crate::avro) fn plain() -> DataOptions {
        DataOptions {
            enhanced: false,
            generalized_sum_types: false,
            ignore_defaults: false,
            scrub_invalid_names: false,
            meta_data: true,
            optional_map_keys: false,
            flatten: true,
            discard: false,
        }
    }
}
