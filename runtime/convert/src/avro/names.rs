//! Names between Connect and Avro, which allows letters, digits and underscores only.

use tidegate_model::schema::{Schema, SchemaType};

use super::options::DataOptions;
use super::schema::{Kind, Node, split};
use crate::error::ConvertError;

/// The namespace of what has no name of its own.
pub(super) const NAMESPACE: &str = "io.confluent.connect.avro";
/// The name of a record that has none.
pub(super) const DEFAULT_NAME: &str = "io.confluent.connect.avro.ConnectDefault";
/// The record of a map's entry.
pub(super) const MAP_ENTRY: &str = "MapEntry";
/// The Connect name of a union.
pub(super) const UNION: &str = "io.confluent.connect.avro.Union";
/// The Connect parameter with an enum's name; its symbols are parameters that begin with it.
pub(super) const ENUM: &str = "io.confluent.connect.avro.Enum";
/// The same, with generalized.sum.type.support.
pub(super) const GENERAL_UNION: &str = "org.apache.kafka.connect.data.Union";
/// The same, with generalized.sum.type.support.
pub(super) const GENERAL_ENUM: &str = "org.apache.kafka.connect.data.Enum";
/// The Connect parameter with the size of a fixed.
pub(super) const FIXED_SIZE: &str = "connect.fixed.size";

/// A name as Avro may have it: as it is, or with its characters replaced where that is wanted.
pub(super) fn scrubbed(name: &str, options: &DataOptions) -> Result<String, ConvertError> {
    if options.scrub_invalid_names {
        return Ok(scrub(name));
    }
    checked(name).map(|()| name.to_owned())
}

/// A full name as Avro may have it, of which Java's `split` passes over dots at the end.
pub(super) fn scrubbed_full(name: &str, options: &DataOptions) -> Result<String, ConvertError> {
    let name = name.trim_end_matches('.');
    let full = if options.scrub_invalid_names {
        let parts: Vec<_> = name.split('.').map(scrub).collect();
        parts.join(".")
    } else {
        name.to_owned()
    };
    checked_full(&full)
}

/// A full name, which Avro must allow. Avro's Java library does not look at what comes before the last dot.
pub(super) fn checked_full(full: &str) -> Result<String, ConvertError> {
    let (namespace, name) = split(full);
    checked(name)?;
    Ok(match namespace {
        Some("") => name.to_owned(),
        _ => full.to_owned(),
    })
}

/// Looks at a name as Avro's Java library does, which takes any letter and digit of Unicode.
pub(super) fn checked(name: &str) -> Result<(), ConvertError> {
    let mut chars = name.chars();
    let fault = match chars.next() {
        None => "Empty name".to_owned(),
        Some(first) if !(first.is_alphabetic() || first == '_') => {
            format!("Illegal initial character: {name}")
        }
        Some(_) if !chars.all(|c| c.is_alphanumeric() || c == '_') => {
            format!("Illegal character in: {name}")
        }
        Some(_) => return Ok(()),
    };
    Err(ConvertError::Data(format!(
        "{fault}; Avro's names have letters, digits and underscores only: rename it, or set scrub.invalid.names=true"
    )))
}

/// Replaces what Avro does not allow, as Confluent's converter does.
fn scrub(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_well = name
        .bytes()
        .next()
        .is_none_or(|first| !first.is_ascii_digit());
    if starts_well && name.bytes().all(plain) {
        return name.to_owned();
    }
    // First as Java's URLEncoder, of whose output then all but these becomes an underscore.
    let mut out = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        match byte {
            byte if plain(byte) => out.push(char::from(byte)),
            b'.' | b'-' | b'*' | b' ' => out.push('_'),
            byte => out.push_str(&format!("_{byte:02X}")),
        }
    }
    if out.starts_with(|first: char| first.is_ascii_digit()) {
        out.insert(0, 'x');
    }
    out
}

/// The name of the field that holds a branch of a union.
pub(super) fn branch_field(node: &Node, index: usize, options: &DataOptions) -> String {
    if options.generalized_sum_types {
        return format!("connect_union_field_{index}");
    }
    if !node.kind.is_named() {
        return node.kind.name().to_owned();
    }
    if options.enhanced {
        node.name.clone()
    } else {
        split(&node.name).1.to_owned()
    }
}

/// The parameter with an enum's name.
pub(super) fn enum_parameter(options: &DataOptions) -> &'static str {
    if options.generalized_sum_types {
        GENERAL_ENUM
    } else {
        ENUM
    }
}

/// Whether a text stands for an enum, kept as one or not.
pub(super) fn is_enum(schema: &Schema) -> bool {
    schema.kind == SchemaType::String
        && [ENUM, GENERAL_ENUM]
            .iter()
            .any(|key| schema.parameter(key).is_some())
}

/// The full name of the enum that a text becomes.
pub(super) fn enum_name<'s>(schema: &'s Schema, options: &DataOptions) -> Option<&'s str> {
    let keeps_enums = options.enhanced || options.generalized_sum_types;
    let name = schema.parameter(enum_parameter(options));
    name.filter(|_| keeps_enums && schema.kind == SchemaType::String)
}

/// Whether a struct stands for a union.
pub(super) fn is_union(schema: &Schema) -> bool {
    matches!(schema.kind, SchemaType::Struct(_))
        && (schema.name.as_deref() == Some(UNION) || schema.parameter(GENERAL_UNION).is_some())
}

/// The size of the fixed that bytes are written as.
pub(super) fn fixed_size(schema: &Schema) -> Result<Option<usize>, ConvertError> {
    let (SchemaType::Bytes, Some(_), Some(size)) =
        (&schema.kind, &schema.name, schema.parameter(FIXED_SIZE))
    else {
        return Ok(None);
    };
    size.parse::<u32>()
        .map(|size| Some(size as usize))
        .map_err(|_| {
            ConvertError::Data(format!(
                "the parameter {FIXED_SIZE} is {size:?}; a number is wanted"
            ))
        })
}

/// Whether a node is the record of a map's entry.
pub(super) fn is_map_entry(node: &Node) -> bool {
    matches!(node.kind, Kind::Record(_))
        && (split(&node.name) == (Some(NAMESPACE), MAP_ENTRY)
            || node.text("connect.internal.type") == Some(MAP_ENTRY))
}

/// Whether a Connect map is an Avro map; else it is an array of entries.
pub(super) fn is_avro_map(key: &Schema, options: &DataOptions) -> bool {
    key.kind == SchemaType::String && (!key.optional || options.optional_map_keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_scrubbed_as_java_does() {
        for (name, scrubbed) in [
            ("a_b", "a_b"),
            ("a-b c", "a_b_c"),
            ("1st", "x1st"),
            ("a/b", "a_2Fb"),
            ("é", "_C3_A9"),
            ("", ""),
        ] {
            assert_eq!(scrub(name), scrubbed);
        }
    }
}
