//! The converters by name: found as Kafka Connect finds them, by the full class name, the simple name, or the
//! simple name without its suffix; with the configuration keys that each has.

use std::collections::BTreeMap;

use crate::Converter;
use crate::avro::{AVRO_KEYS, AvroConverter};
use crate::byte_array::ByteArrayConverter;
use crate::charset::CONVERTER_ENCODING;
use crate::error::ConvertError;
use crate::header::SimpleHeaderConverter;
use crate::json::{self, JsonConverter};
use crate::number::{NumberConverter, NumberType};
use crate::options::Options;
use crate::string::StringConverter;

/// How many names the refusal of an unknown class lists.
const NEAREST: usize = 5;
/// How many letters of a name may be wrong that somebody meant a certain class by.
const MISSPELT_FAULTS_MAX: usize = 2;

/// What a converter converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Keys.
    Key,
    /// Values.
    Value,
    /// Headers.
    Header,
}

/// As what a class is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of keys and values, and of headers too.
    Converter,
    /// Of headers only.
    HeaderConverter,
}

impl Kind {
    /// The name that `/connector-plugins` lists it under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Converter => "converter",
            Self::HeaderConverter => "header_converter",
        }
    }
}

/// A configuration key of a converter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its type, as Kafka Connect's REST API prints it.
    pub kind: &'static str,
    /// The value when the key is absent; `None`: null.
    pub default: Option<&'static str>,
    /// Whether it must be given. The worker gives `converter.type` itself.
    pub required: bool,
    /// How much it matters: `HIGH`, `MEDIUM` or `LOW`.
    pub importance: &'static str,
    /// What it does.
    pub documentation: &'static str,
    /// The values allowed; empty: any.
    pub valid_values: &'static [&'static str],
    /// Whether the values allowed may be written in any case.
    pub ignores_case: bool,
    /// What outside of the worker its value names.
    pub reach: Reach,
    /// The group that a form shows it in.
    pub group: Option<&'static str>,
    /// Its place in the group; -1: none.
    pub order: i32,
    /// How wide a form shows it: `NONE`, `SHORT`, `MEDIUM` or `LONG`.
    pub width: &'static str,
    /// How a form calls it; empty: as it is.
    pub display_name: &'static str,
}

impl Key {
    /// An optional text of low importance without a default; fields are set from there.
    pub(crate) const PLAIN: Key = Key {
        name: "",
        kind: "STRING",
        default: None,
        required: false,
        importance: "LOW",
        documentation: "",
        valid_values: &[],
        ignores_case: false,
        reach: Reach::Nothing,
        group: None,
        order: -1,
        width: "NONE",
        display_name: "",
    };
}

/// What outside of the worker the value of a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Nothing,
    /// Servers, as a list of URLs.
    Url,
    /// A file that is read.
    File,
}

/// A converter class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConverterClass {
    /// The full class name.
    pub name: &'static str,
    /// As what it is listed.
    pub kind: Kind,
    /// What it does, in a sentence or two.
    pub documentation: &'static str,
    /// Its configuration keys, in Kafka Connect's order; Avro's in alphabetical order.
    pub keys: &'static [Key],
    make: Make,
}

/// Which converter a class makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Make {
    Avro,
    Json,
    String,
    ByteArray,
    Number(NumberType),
    SimpleHeader,
}

const CONVERTER_TYPE: Key = Key {
    name: "converter.type",
    required: true,
    documentation: "How this converter will be used.",
    valid_values: &["key", "value", "header"],
    ..Key::PLAIN
};

const SCHEMAS: Key = Key {
    importance: "HIGH",
    group: Some("Schemas"),
    width: "MEDIUM",
    ..Key::PLAIN
};

const SERIALIZATION: Key = Key {
    group: Some("Serialization"),
    width: "MEDIUM",
    ..Key::PLAIN
};

const JSON_KEYS: &[Key] = &[
    CONVERTER_TYPE,
    Key {
        name: json::SCHEMAS_ENABLE,
        kind: "BOOLEAN",
        default: Some("true"),
        documentation: "Whether each message carries its schema, as {\"schema\": ..., \"payload\": ...}.",
        order: 0,
        display_name: "Enable Schemas",
        ..SCHEMAS
    },
    Key {
        name: json::SCHEMAS_CACHE_SIZE,
        kind: "INT",
        default: Some("1000"),
        documentation: "The most schemas that are kept in their parsed form.",
        order: 1,
        display_name: "Schema Cache Size",
        ..SCHEMAS
    },
    Key {
        name: json::SCHEMA_CONTENT,
        documentation: "A schema in JSON that all messages read have; they then carry none themselves. Needs schemas.enable.",
        order: 2,
        display_name: "Schema Content",
        ..SCHEMAS
    },
    Key {
        name: json::DECIMAL_FORMAT,
        default: Some("BASE64"),
        documentation: "How decimals are written: BASE64, the bytes of the unscaled value, or NUMERIC, a JSON number. Both are read.",
        valid_values: &["NUMERIC", "BASE64"],
        ignores_case: true,
        order: 0,
        display_name: "Decimal Format",
        ..SERIALIZATION
    },
    Key {
        name: json::REPLACE_NULL_WITH_DEFAULT,
        kind: "BOOLEAN",
        default: Some("true"),
        documentation: "Whether a null becomes the default of its schema, where the schema has one.",
        order: 1,
        display_name: "Replace null with default",
        ..SERIALIZATION
    },
];

const STRING_KEYS: &[Key] = &[
    CONVERTER_TYPE,
    Key {
        name: CONVERTER_ENCODING,
        default: Some("UTF-8"),
        importance: "HIGH",
        documentation: "The encoding of the text: UTF-8, US-ASCII or ISO-8859-1.",
        width: "MEDIUM",
        display_name: "Encoding",
        ..Key::PLAIN
    },
];

const CLASSES: &[ConverterClass] = &[
    ConverterClass {
        name: "io.confluent.connect.avro.AvroConverter",
        kind: Kind::Converter,
        documentation: "Avro in the wire format of Confluent, with schemas kept in a schema registry.",
        keys: AVRO_KEYS,
        make: Make::Avro,
    },
    number(
        "org.apache.kafka.connect.converters.BooleanConverter",
        NumberType::Boolean,
        "A boolean as one byte: 1 or 0.",
    ),
    ConverterClass {
        name: "org.apache.kafka.connect.converters.ByteArrayConverter",
        kind: Kind::Converter,
        documentation: "Passes bytes through as they are, under the schema optional bytes.",
        keys: &[CONVERTER_TYPE],
        make: Make::ByteArray,
    },
    number(
        "org.apache.kafka.connect.converters.DoubleConverter",
        NumberType::Double,
        "A float64 as 8 bytes, the highest first.",
    ),
    number(
        "org.apache.kafka.connect.converters.FloatConverter",
        NumberType::Float,
        "A float32 as 4 bytes, the highest first.",
    ),
    number(
        "org.apache.kafka.connect.converters.IntegerConverter",
        NumberType::Integer,
        "An int32 as 4 bytes, the highest first.",
    ),
    number(
        "org.apache.kafka.connect.converters.LongConverter",
        NumberType::Long,
        "An int64 as 8 bytes, the highest first.",
    ),
    number(
        "org.apache.kafka.connect.converters.ShortConverter",
        NumberType::Short,
        "An int16 as 2 bytes, the highest first.",
    ),
    ConverterClass {
        name: "org.apache.kafka.connect.json.JsonConverter",
        kind: Kind::Converter,
        documentation: "JSON, with each message carrying its schema as `{\"schema\": …, \"payload\": …}`, or without schemas.",
        keys: JSON_KEYS,
        make: Make::Json,
    },
    ConverterClass {
        name: "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        kind: Kind::HeaderConverter,
        documentation: "The default for headers: text whose type is guessed from what it looks like. `1` is an int8, `1.5` a float32, `2024-01-31` a date, `[1,2]` an array.",
        keys: &[],
        make: Make::SimpleHeader,
    },
    ConverterClass {
        name: "org.apache.kafka.connect.storage.StringConverter",
        kind: Kind::Converter,
        documentation: "Text in one encoding. What is no text is written as Java prints it.",
        keys: STRING_KEYS,
        make: Make::String,
    },
];

impl ConverterClass {
    /// Whether it can convert what this role is about.
    #[must_use]
    pub fn serves(&self, role: Role) -> bool {
        match role {
            Role::Header => self.make != Make::Avro,
            _ => self.kind != Kind::HeaderConverter,
        }
    }
}

const fn number(
    name: &'static str,
    number: NumberType,
    documentation: &'static str,
) -> ConverterClass {
    ConverterClass {
        name,
        kind: Kind::Converter,
        documentation,
        keys: &[CONVERTER_TYPE],
        make: Make::Number(number),
    }
}

/// All converter classes.
#[must_use]
pub fn class_names() -> &'static [ConverterClass] {
    CLASSES
}

/// Finds a converter class by its full name, its simple name, or that without its suffix.
#[must_use]
pub fn find(class: &str) -> Option<&'static ConverterClass> {
    CLASSES.iter().find(|candidate| {
        let simple = simple_name(candidate.name);
        let pruned = match candidate.kind {
            Kind::Converter => simple.strip_suffix("Converter"),
            Kind::HeaderConverter => simple.strip_suffix("HeaderConverter"),
        };
        class == candidate.name || class == simple || Some(class) == pruned
    })
}

/// Makes a converter. `config` holds its keys without prefix.
///
/// # Errors
/// When the class is not known or cannot serve in this role, or a value of the configuration is not allowed.
pub fn converter(
    class: &str,
    role: Role,
    config: &BTreeMap<String, String>,
) -> Result<Box<dyn Converter>, ConvertError> {
    let found = find(class.trim()).ok_or_else(|| ConvertError::Class {
        found: class.to_owned(),
        nearest: nearest(class).join(", "),
    })?;
    if !found.serves(role) {
        return Err(match role {
            Role::Header => ConvertError::NoHeaders { class: found.name },
            _ => ConvertError::HeadersOnly { class: found.name },
        });
    }
    let options = Options(config);
    Ok(match found.make {
        Make::Avro => Box::new(AvroConverter::new(options, role == Role::Key)?),
        Make::Json => Box::new(JsonConverter::new(options)?),
        Make::String => Box::new(StringConverter::new(options)?),
        Make::ByteArray => Box::new(ByteArrayConverter::new()),
        Make::Number(number) => Box::new(NumberConverter::new(number)),
        Make::SimpleHeader => Box::new(SimpleHeaderConverter::default()),
    })
}

/// The classes whose names are most like a name, first the nearest.
#[must_use]
pub fn nearest(written: &str) -> Vec<&'static str> {
    let whole = |name: &str| simple_name(name.trim()).to_lowercase();
    let short = |name: &str| whole(name).trim_end_matches("converter").to_owned();
    // The suffix may be what is misspelt.
    let faults = |name: &&str| {
        strsim::levenshtein(&short(written), &short(name))
            .min(strsim::levenshtein(&whole(written), &whole(name)))
    };
    let mut names: Vec<_> = CLASSES.iter().map(|class| class.name).collect();
    names.sort_by_cached_key(faults);
    // What is misspelt means one of the nearest; for what is something else, all are as near.
    let fewest = names.first().map_or(0, faults);
    if fewest <= MISSPELT_FAULTS_MAX {
        names.retain(|name| faults(name) <= fewest + 1);
    }
    names.truncate(NEAREST);
    names
}

fn simple_name(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, simple)| simple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_found_by_three_names() {
        for name in [
            "org.apache.kafka.connect.json.JsonConverter",
            "JsonConverter",
            "Json",
        ] {
            assert_eq!(
                find(name).map(|class| class.name),
                Some("org.apache.kafka.connect.json.JsonConverter")
            );
        }
        assert_eq!(find("json"), None);
    }

    #[test]
    fn an_unknown_class_is_refused_with_the_nearest() {
        let refused = |class| {
            let refused = converter(class, Role::Value, &BTreeMap::new());
            refused.err().unwrap().to_string()
        };
        let error = refused("JsonConvertor");
        assert!(error.contains("JsonConvertor"), "{error}");
        assert!(
            error.contains("nearest: org.apache.kafka.connect.json.JsonConverter;"),
            "{error}"
        );
        let error = refused("com.acme.ProtobufConverter");
        let (_, nearest) = error.split_once("nearest: ").unwrap();
        assert_eq!(nearest.matches("Converter").count(), NEAREST, "{error}");
    }
}
