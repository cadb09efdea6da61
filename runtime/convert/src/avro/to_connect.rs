//! Connect schemas from Avro's, as Confluent's `AvroData` makes them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;
use tidegate_model::limits::{SCHEMA_BYTES_MAX, SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{
    DATE, DECIMAL, Field, Schema, SchemaError, SchemaType, TIME, TIMESTAMP,
};

use super::defaults_read::{self, Object, java_text};
use super::names::{
    DEFAULT_NAME, FIXED_SIZE, GENERAL_UNION, NAMESPACE, UNION, branch_field, enum_parameter,
    is_map_entry,
};
use super::options::DataOptions;
use super::schema::{AvroField, Kind, Node, NodeId, Nodes, split};
use crate::error::ConvertError;

/// The precision of decimals that is not written down.
pub(super) const PRECISION_DEFAULT: i64 = 64;
/// The Connect parameter with a decimal's precision.
pub(super) const PRECISION: &str = "connect.decimal.precision";
/// The Connect parameter with a record's documentation.
pub(super) const RECORD_DOC: &str = "io.confluent.connect.avro.record.doc";
/// The Connect parameter with the documentation of any named type, with discard.type.doc.default.
pub(super) const PLAIN_RECORD_DOC: &str = "connect.record.doc";
/// The Connect parameter with an enum's documentation, with discard.type.doc.default.
pub(super) const PLAIN_ENUM_DOC: &str = "connect.enum.doc";
/// What the Connect parameter with a field's documentation begins with.
pub(super) const FIELD_DOC: &str = "io.confluent.connect.avro.field.doc.";
/// What the Connect parameter with an enum's documentation begins with.
pub(super) const ENUM_DOC: &str = "io.confluent.connect.avro.enum.doc.";
/// What the Connect parameter with an enum's default begins with.
pub(super) const ENUM_DEFAULT: &str = "io.confluent.connect.avro.enum.default.";
/// The Connect parameter which says that a default was a field's in Avro.
pub(super) const FIELD_DEFAULT: &str = "io.confluent.connect.avro.field.default";

/// Makes the Connect schema of an Avro schema. `version`: the registry's, for a schema that says none itself.
///
/// # Errors
/// When Connect has nothing like it, it contains itself, or it is over a limit.
pub(super) fn to_connect(
    nodes: &Nodes,
    root: NodeId,
    version: Option<i32>,
    options: &DataOptions,
    unions: &mut u32,
) -> Result<Schema, ConvertError> {
    let mut maker = Maker {
        nodes,
        options,
        open: Vec::new(),
        parts_left: SCHEMA_FIELDS_MAX,
        bytes: 0,
        unions,
    };
    maker.schema(
        root,
        Wanted {
            version,
            ..Wanted::default()
        },
        VALUE_DEPTH_MAX,
    )
}

struct Maker<'n> {
    nodes: &'n Nodes,
    options: &'n DataOptions,
    /// The records that are being made.
    open: Vec<NodeId>,
    parts_left: usize,
    /// Of all texts and defaults: a type that is used again by its name is there again with them.
    bytes: usize,
    /// How many unions were made with generalized.sum.type.support; they are numbered.
    unions: &'n mut u32,
}

/// What a schema gets from where it stands.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted<'n> {
    optional: bool,
    default: Option<&'n Json>,
    doc: Option<&'n str>,
    version: Option<i32>,
}

impl<'n> Maker<'n> {
    fn schema(
        &mut self,
        id: NodeId,
        wanted: Wanted<'n>,
        depth_left: usize,
    ) -> Result<Schema, ConvertError> {
        let depth_left = depth_left.checked_sub(1).ok_or(SchemaError::Depth)?;
        self.parts_left = self.parts_left.checked_sub(1).ok_or(SchemaError::Parts)?;
        let node = self.nodes.at(id);
        if let Kind::Union(branches) = &node.kind {
            if let Some((_, other)) = self.nodes.optional(branches) {
                let wanted = Wanted {
                    optional: true,
                    doc: wanted.doc,
                    ..Wanted::default()
                };
                return self.schema(other, wanted, depth_left);
            }
            if let ([only], true) = (branches.as_slice(), self.options.flatten) {
                let wanted = Wanted {
                    doc: wanted.doc,
                    ..Wanted::default()
                };
                return self.schema(*only, wanted, depth_left);
            }
        }
        let mut schema = self.of_type(id, node, depth_left)?;
        self.described(&mut schema, id, node, wanted)?;
        schema.optional |= wanted.optional;
        Ok(schema)
    }

    fn of_type(
        &mut self,
        id: NodeId,
        node: &'n Node,
        depth_left: usize,
    ) -> Result<Schema, ConvertError> {
        let logical = |name: &str| {
            node.logical()
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
        };
        Ok(match &node.kind {
            Kind::Null => {
                return Err(ConvertError::data(
                    "Standalone null schemas are not supported by this converter",
                ));
            }
            Kind::Boolean => Schema::new(SchemaType::Boolean),
            Kind::Int if logical("date") => Schema::date(),
            Kind::Int if logical("time-millis") => Schema::time(),
            Kind::Int => Schema::new(match (node.logical(), node.text("connect.type")) {
                (Some(_), _) | (None, None) => SchemaType::Int32,
                (None, Some("int8")) => SchemaType::Int8,
                (None, Some("int16")) => SchemaType::Int16,
                (None, Some(_)) => {
                    return Err(ConvertError::data(
                        "Connect type annotation for Avro int field is null",
                    ));
                }
            }),
            Kind::Long if logical("timestamp-millis") => Schema::timestamp(),
            Kind::Long => Schema::new(SchemaType::Int64),
            Kind::Float => Schema::new(SchemaType::Float32),
            Kind::Double => Schema::new(SchemaType::Float64),
            Kind::String => Schema::new(SchemaType::String),
            Kind::Bytes | Kind::Fixed(_) => bytes(node, logical("decimal"))?,
            Kind::Array(items) => match &self.nodes.at(*items).kind {
                Kind::Record(fields) if is_map_entry(self.nodes.at(*items)) => {
                    let (key, value) = entry(fields)?;
                    let key = self.schema(key.node, Wanted::default(), depth_left)?;
                    let value = self.schema(value.node, Wanted::default(), depth_left)?;
                    Schema::new(SchemaType::Map(key.into(), value.into()))
                }
                _ => {
                    let element = self.schema(*items, Wanted::default(), depth_left)?;
                    Schema::new(SchemaType::Array(element.into()))
                }
            },
            Kind::Map(values) => {
                let value = self.schema(*values, Wanted::default(), depth_left)?;
                let key = Schema::new(SchemaType::String);
                Schema::new(SchemaType::Map(key.into(), value.into()))
            }
            Kind::Enum { symbols, default } => self.enumeration(node, symbols, default.as_deref()),
            Kind::Union(branches) => self.union(branches, depth_left)?,
            Kind::Record(fields) => self.record(id, node, fields, depth_left)?,
        })
    }

    fn record(
        &mut self,
        id: NodeId,
        node: &'n Node,
        fields: &'n [AvroField],
        depth_left: usize,
    ) -> Result<Schema, ConvertError> {
        if self.open.contains(&id) {
            return Err(ConvertError::Data(format!(
                "the Avro schema {} contains itself, which has no Connect schema here; values of such a schema cannot be \
                 converted",
                node.name
            )));
        }
        self.open.push(id);
        let mut parameters = Vec::new();
        let with_docs = self.options.meta_data && !self.options.discard;
        if let Some(doc) = node.doc.as_ref().filter(|_| with_docs) {
            parameters.push((RECORD_DOC.to_owned(), doc.clone()));
        }
        let mut made = Vec::with_capacity(fields.len());
        for field in fields {
            if let Some(doc) = field.doc.as_ref().filter(|_| with_docs) {
                parameters.push((format!("{FIELD_DOC}{}", field.name), doc.clone()));
            }
            let wanted = Wanted {
                default: field.default.as_ref(),
                doc: field.doc.as_deref(),
                ..Wanted::default()
            };
            made.push(Field {
                name: field.name.clone(),
                schema: Arc::new(self.schema(field.node, wanted, depth_left)?),
            });
        }
        self.open.pop();
        let mut schema = Schema::new(SchemaType::Struct(made));
        schema.parameters = parameters;
        Ok(schema)
    }

    fn enumeration(&self, node: &Node, symbols: &[String], default: Option<&str>) -> Schema {
        let mut schema = Schema::new(SchemaType::String);
        let simple = split(&node.name).1;
        let mut add = |key: String, value: &str| put(&mut schema, key, value);
        if self.options.meta_data {
            if let Some(doc) = &node.doc {
                let key = match self.options.discard {
                    true => PLAIN_ENUM_DOC.to_owned(),
                    false => format!("{ENUM_DOC}{simple}"),
                };
                add(key, doc);
            }
            if let Some(default) = default.filter(|_| !self.options.discard) {
                add(format!("{ENUM_DEFAULT}{simple}"), default);
            }
        }
        let parameter = enum_parameter(self.options);
        add(parameter.to_owned(), &node.name);
        for (index, symbol) in symbols.iter().enumerate() {
            let key = format!("{parameter}.{symbol}");
            if self.options.generalized_sum_types {
                add(key, &index.to_string());
            } else {
                add(key, symbol);
            }
        }
        schema
    }

    fn union(&mut self, branches: &[NodeId], depth_left: usize) -> Result<Schema, ConvertError> {
        let general = self.options.generalized_sum_types;
        let name = if general {
            let number = *self.unions;
            *self.unions = number.wrapping_add(1);
            format!("connect_union_{number}")
        } else {
            UNION.to_owned()
        };
        let mut fields: Vec<Field> = Vec::new();
        let mut names = HashSet::with_capacity(branches.len());
        let mut optional = false;
        for (index, branch) in branches.iter().enumerate() {
            let node = self.nodes.at(*branch);
            if matches!(node.kind, Kind::Null) {
                optional = true;
                continue;
            }
            let field = branch_field(node, index, self.options);
            if !names.insert(field.clone()) {
                return Err(ConvertError::Data(format!(
                    "Multiple union schemas map to the Connect union field name {field}; \
                     enhanced.avro.schema.support=true keeps namespaces apart"
                )));
            }
            let wanted = Wanted {
                optional: true,
                ..Wanted::default()
            };
            fields.push(Field {
                name: field,
                schema: Arc::new(self.schema(*branch, wanted, depth_left)?),
            });
        }
        let mut schema = Schema::new(SchemaType::Struct(fields)).named(name.clone());
        schema.optional = optional;
        if general {
            put(&mut schema, GENERAL_UNION.to_owned(), &name);
        }
        Ok(schema)
    }

    /// Adds what Avro's properties say: documentation, version, parameters, default, name.
    fn described(
        &mut self,
        schema: &mut Schema,
        id: NodeId,
        node: &'n Node,
        wanted: Wanted<'n>,
    ) -> Result<(), ConvertError> {
        let doc = node.text("connect.doc");
        if self.options.discard {
            let doc = wanted.doc.or(node.doc.as_deref()).or(doc);
            schema.doc = doc.map(str::to_owned);
            if let Some(doc) = node.doc.as_ref().filter(|_| self.options.meta_data) {
                put(schema, PLAIN_RECORD_DOC.to_owned(), doc);
            }
        } else if self.options.meta_data {
            schema.doc = doc.map(str::to_owned);
        }
        version(schema, node, wanted.version)?;
        if self.options.meta_data
            && let Some(parameters) = node.props.get("connect.parameters")
        {
            let Json::Object(parameters) = parameters else {
                return Err(ConvertError::Data(format!(
                    "Expected JSON object for schema parameters but found: {}",
                    java_text(parameters)
                )));
            };
            for (key, value) in parameters {
                let Json::String(value) = value else {
                    return Err(ConvertError::Data(format!(
                        "Expected schema parameter values to be strings but found: {}",
                        java_text(value)
                    )));
                };
                put(schema, key.clone(), value);
            }
        }
        for (key, value) in node.props.iter().filter(|(key, _)| key.starts_with("avro")) {
            put(schema, key.clone(), &java_text(value));
        }
        self.parts_left = self
            .parts_left
            .checked_sub(schema.parameters.len())
            .ok_or(SchemaError::Parts)?;
        let connect_default = node.props.get("connect.default");
        let field_default = wanted
            .default
            .and_then(|json| Object::of_field(self.nodes, id, json));
        let with_flag = self.options.meta_data && !self.options.discard;
        if field_default.is_some() && with_flag && connect_default.is_none() {
            put(schema, FIELD_DEFAULT.to_owned(), "true");
        }
        schema.default = match field_default {
            Some(object) => object.value(schema, self.options),
            None => connect_default
                .and_then(|json| defaults_read::of_property(self.nodes, id, schema, json)),
        };
        name(schema, node)?;
        self.bytes = self.bytes.saturating_add(own_bytes(schema));
        if self.bytes > SCHEMA_BYTES_MAX {
            return Err(SchemaError::Bytes(self.bytes).into());
        }
        Ok(())
    }
}

/// The bytes of what a schema says itself, without its parts.
fn own_bytes(schema: &Schema) -> usize {
    let texts = [&schema.name, &schema.doc].into_iter().flatten();
    let pairs = schema
        .parameters
        .iter()
        .flat_map(|(key, value)| [key, value]);
    let names = schema.fields().iter().map(|field| &field.name);
    let default = schema.default.as_ref();
    let default = default.map_or(0, |default| default.to_encoded().len());
    texts
        .chain(pairs)
        .chain(names)
        .map(String::len)
        .sum::<usize>()
        + default
}

fn bytes(node: &Node, is_decimal: bool) -> Result<Schema, ConvertError> {
    let mut schema = if is_decimal {
        let scale = node.props.get("scale").and_then(java_int).unwrap_or(0);
        let mut schema = Schema::decimal(scale);
        match node.props.get("precision").map(java_int) {
            None => {}
            Some(Some(precision)) if i64::from(precision) == PRECISION_DEFAULT => {}
            Some(Some(precision)) => put(&mut schema, PRECISION.to_owned(), &precision.to_string()),
            Some(None) => {
                return Err(ConvertError::data(
                    "precision property must be a JSON Integer. https://avro.apache.org/docs/1.9.1/spec.html#Decimal",
                ));
            }
        }
        schema
    } else {
        Schema::new(SchemaType::Bytes)
    };
    if let Kind::Fixed(size) = node.kind {
        put(&mut schema, FIXED_SIZE.to_owned(), &size.to_string());
    }
    Ok(schema)
}

/// A number as Java's `intValue` has it; `None`: it is no number.
#[allow(clippy::cast_possible_truncation, reason = "as Java casts")]
fn java_int(json: &Json) -> Option<i32> {
    match json.as_i64() {
        Some(long) => Some(long as i32),
        None => json.as_f64().map(|double| double as i32),
    }
}

/// Key and value of the record of a map's entry.
pub(super) fn entry(fields: &[AvroField]) -> Result<(&AvroField, &AvroField), ConvertError> {
    match fields {
        [key, value] if key.name == "key" && value.name == "value" => Ok((key, value)),
        [value, key] if key.name == "key" && value.name == "value" => Ok((key, value)),
        _ => Err(ConvertError::data(
            "Found map encoded as array of key-value pairs, but array elements do not match the expected format. \
             The fields key and value are wanted, and no others.",
        )),
    }
}

fn version(schema: &mut Schema, node: &Node, registry: Option<i32>) -> Result<(), ConvertError> {
    let own = match node.props.get("connect.version") {
        None => None,
        Some(version) => Some(java_int(version).ok_or_else(|| {
            ConvertError::Data(format!(
                "Invalid Connect version found: {}",
                java_text(version)
            ))
        })?),
    };
    match (schema.version, own) {
        (Some(known), Some(own)) if own >= 0 && own != known => Err(ConvertError::Data(format!(
            "Mismatched versions: version already added to SchemaBuilder ({known}) differs from version in source schema \
             ({own})"
        ))),
        // A logical type keeps its own version, whatever the registry's.
        (Some(_), _) => Ok(()),
        (None, own) => {
            schema.version = own.or(registry).filter(|version| *version >= 0);
            Ok(())
        }
    }
}

fn name(schema: &mut Schema, node: &Node) -> Result<(), ConvertError> {
    let is_decimal = schema.name.as_deref() == Some(DECIMAL);
    let name = match node.props.get("connect.name") {
        Some(Json::String(name)) => Some(name.as_str()),
        Some(other) => {
            let other = java_text(other);
            return Err(ConvertError::Data(format!("Invalid schema name: {other}")));
        }
        None if matches!(node.kind, Kind::Record(_) | Kind::Enum { .. }) => {
            Some(node.name.as_str())
        }
        None if matches!(node.kind, Kind::Fixed(_)) && !is_decimal => Some(node.name.as_str()),
        None => None,
    };
    let Some(name) = name.filter(|name| !name.starts_with(DEFAULT_NAME)) else {
        return Ok(());
    };
    match &schema.name {
        Some(known) if known != name => Err(ConvertError::Data(format!(
            "Mismatched names: name already added to SchemaBuilder ({known}) differs from name in source schema ({name})"
        ))),
        Some(_) => Ok(()),
        None => {
            schema.name = Some(name.to_owned());
            logical_by_name(schema)
        }
    }
}

/// Older converters wrote logical types by their Connect names alone. The type must be the one of that name.
fn logical_by_name(schema: &mut Schema) -> Result<(), ConvertError> {
    let class = match schema.kind {
        SchemaType::Boolean => "class java.lang.Boolean",
        SchemaType::Int8 => "class java.lang.Byte",
        SchemaType::Int16 => "class java.lang.Short",
        SchemaType::Int32 => "class java.lang.Integer",
        SchemaType::Int64 => "class java.lang.Long",
        SchemaType::Float32 => "class java.lang.Float",
        SchemaType::Float64 => "class java.lang.Double",
        SchemaType::String => "class java.lang.String",
        SchemaType::Bytes => "class java.nio.HeapByteBuffer",
        SchemaType::Array(_) => "class java.util.ArrayList",
        SchemaType::Map(..) => "class java.util.HashMap",
        SchemaType::Struct(_) => "class org.apache.kafka.connect.data.Struct",
    };
    let (name, wanted, fits) = match schema.name.as_deref() {
        Some(DATE) => ("Date", "int32", schema.kind == SchemaType::Int32),
        Some(TIME) => ("Time", "int32", schema.kind == SchemaType::Int32),
        Some(TIMESTAMP) => ("Timestamp", "int64", schema.kind == SchemaType::Int64),
        Some(DECIMAL) => ("Decimal", "bytes", schema.kind == SchemaType::Bytes),
        _ => return Ok(()),
    };
    if !fits {
        return Err(ConvertError::Data(format!(
            "Invalid type for {name}, underlying representation should be {wanted} but was {class}"
        )));
    }
    if name == "Decimal" {
        let scale = schema.parameter("scale").ok_or_else(|| {
            ConvertError::data("Invalid Decimal schema: scale parameter not found.")
        })?;
        scale.parse::<i32>().map_err(|_| {
            ConvertError::Data(format!(
                "Invalid scale parameter found in Decimal schema: {scale}"
            ))
        })?;
    }
    let default = schema.default.take();
    schema.default = default.and_then(|default| defaults_read::logical(default, schema));
    Ok(())
}

/// Sets a parameter, which keeps its place when it is there already.
fn put(schema: &mut Schema, key: String, value: &str) {
    match schema
        .parameters
        .iter_mut()
        .find(|(known, _)| *known == key)
    {
        Some((_, known)) => value.clone_into(known),
        None => schema.parameters.push((key, value.to_owned())),
    }
}

/// The fields of the record that stands for any value without a schema.
const ANYTHING: [&str; 9] = [
    "boolean", "bytes", "double", "float", "int", "long", "string", "array", "map",
];

/// Whether a schema is the one that stands for any value without a schema.
pub(super) fn is_anything(nodes: &Nodes, root: NodeId) -> bool {
    let node = nodes.at(root);
    let Kind::Record(fields) = &node.kind else {
        return false;
    };
    let optional = |field: &AvroField| match &nodes.at(field.node).kind {
        Kind::Union(branches) => match nodes.optional(branches) {
            Some((0, other)) => Some(&nodes.at(other).kind),
            _ => None,
        },
        _ => None,
    };
    let is_element = |id: NodeId| match &nodes.at(id).kind {
        Kind::Record(fields) => {
            fields
                .iter()
                .map(|field| field.name.as_str())
                .eq(["key", "value"])
                && fields.iter().all(|field| field.node == root)
        }
        _ => false,
    };
    split(&node.name) == (Some(NAMESPACE), "Anything")
        && fields.iter().map(|field| field.name.as_str()).eq(ANYTHING)
        && fields.iter().all(|field| match optional(field) {
            Some(Kind::Array(items)) if field.name == "array" => *items == root,
            Some(Kind::Array(items)) => field.name == "map" && is_element(*items),
            Some(kind) => kind.name() == field.name,
            None => false,
        })
}
