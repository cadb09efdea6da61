//! Avro schemas from Connect's, as Confluent's `AvroData` makes them: attribute by attribute the same, so that the
//! registry has one schema for both.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use tidegate_model::schema::{DATE, DECIMAL, Schema, SchemaType, TIME, TIMESTAMP};

use super::defaults;
use super::names::{
    DEFAULT_NAME, MAP_ENTRY, NAMESPACE, checked_full, enum_name, enum_parameter, fixed_size,
    is_avro_map, is_enum, is_union, scrubbed, scrubbed_full,
};
use super::options::DataOptions;
use super::print::print;
use super::schema::{AvroField, Kind, Node, NodeId, Nodes, split};
use super::to_connect::{
    ENUM_DEFAULT, ENUM_DOC, FIELD_DEFAULT, FIELD_DOC, PLAIN_ENUM_DOC, PLAIN_RECORD_DOC, PRECISION,
    PRECISION_DEFAULT, RECORD_DOC,
};
use crate::error::ConvertError;

/// Makes the Avro schema of a Connect schema.
///
/// # Errors
/// When a name is none that Avro may have, or two different schemas have one name.
pub(super) fn from_connect(
    schema: &Schema,
    options: &DataOptions,
) -> Result<(Nodes, NodeId), ConvertError> {
    let mut maker = Maker {
        options,
        nodes: Nodes::default(),
        unnamed: 0,
        by_connect_name: HashMap::new(),
        by_schema: HashMap::new(),
        by_name: HashMap::new(),
    };
    let root = maker.schema(schema, false)?;
    Ok((maker.nodes, root))
}

struct Maker<'o> {
    options: &'o DataOptions,
    nodes: Nodes,
    /// How many records without a name there were.
    unnamed: usize,
    /// Records, by the name of their Connect schema.
    by_connect_name: HashMap<String, NodeId>,
    /// What was made of schemas that are not optional, by their encoding.
    by_schema: HashMap<Vec<u8>, NodeId>,
    /// Named types, by their full names.
    by_name: HashMap<String, NodeId>,
}

impl Maker<'_> {
    fn schema(&mut self, schema: &Schema, ignore_optional: bool) -> Result<NodeId, ConvertError> {
        let key = (!schema.optional).then(|| schema.to_encoded());
        if !is_union(schema)
            && let Some(known) = key.as_ref().and_then(|key| self.by_schema.get(key))
        {
            return Ok(*known);
        }
        let base = self.of_type(schema)?;
        let made = if matches!(self.nodes.at(base).kind, Kind::Union(_)) {
            base
        } else {
            self.describe(base, schema)?;
            let base = self.settled(base)?;
            if schema.optional && !ignore_optional {
                let null = self.nodes.add(Node::new(Kind::Null));
                // Avro wants the default's type first.
                let branches = match schema.default {
                    Some(_) => vec![base, null],
                    None => vec![null, base],
                };
                self.nodes.add(Node::new(Kind::Union(branches)))
            } else {
                base
            }
        };
        if let Some(key) = key {
            self.by_schema.insert(key, made);
        }
        Ok(made)
    }

    /// The same, but a record whose name was met is that one, so that a schema may refer to what it is in.
    fn inner(&mut self, schema: &Schema, ignore_optional: bool) -> Result<NodeId, ConvertError> {
        let known = schema
            .name
            .as_ref()
            .and_then(|name| self.by_connect_name.get(name));
        match known.copied() {
            Some(known) if schema.optional && !ignore_optional => {
                let null = self.nodes.add(Node::new(Kind::Null));
                let branches = match schema.default {
                    Some(_) => vec![known, null],
                    None => vec![null, known],
                };
                Ok(self.nodes.add(Node::new(Kind::Union(branches))))
            }
            Some(known) => Ok(known),
            None => self.schema(schema, ignore_optional),
        }
    }

    fn of_type(&mut self, schema: &Schema) -> Result<NodeId, ConvertError> {
        let node = match &schema.kind {
            SchemaType::Boolean => Node::new(Kind::Boolean),
            SchemaType::Int8 | SchemaType::Int16 | SchemaType::Int32 => Node::new(Kind::Int),
            SchemaType::Int64 => Node::new(Kind::Long),
            SchemaType::Float32 => Node::new(Kind::Float),
            SchemaType::Float64 => Node::new(Kind::Double),
            SchemaType::String => self.string(schema)?,
            SchemaType::Bytes => self.bytes(schema)?,
            SchemaType::Array(element) => {
                let items = self.inner(element, false)?;
                Node::new(Kind::Array(items))
            }
            SchemaType::Map(key, value) if is_avro_map(key, self.options) => {
                let values = self.inner(value, false)?;
                Node::new(Kind::Map(values))
            }
            SchemaType::Map(key, value) => return self.entries(schema, key, value),
            SchemaType::Struct(_) => return self.structure(schema),
        };
        Ok(self.nodes.add(node))
    }

    fn string(&mut self, schema: &Schema) -> Result<Node, ConvertError> {
        let parameter = enum_parameter(self.options);
        let keeps_enums = self.options.enhanced || self.options.generalized_sum_types;
        if !keeps_enums || !is_enum(schema) {
            return Ok(Node::new(Kind::String));
        }
        let name = enum_name(schema, self.options).ok_or_else(|| {
            ConvertError::Data(format!(
                "Type must have a name: the enum has no parameter {parameter}"
            ))
        })?;
        let prefix = format!("{parameter}.");
        let symbols = schema.parameters.iter();
        let symbols = symbols.filter_map(|(key, _)| key.strip_prefix(&prefix).map(str::to_owned));
        let own = match &schema.name {
            // Documentation and default are under it as it is, or as it is scrubbed.
            Some(name) if !self.options.scrub_invalid_names => {
                name.trim_end_matches('.').to_owned()
            }
            _ => self.name_of(schema)?,
        };
        let simple = split(&own).1;
        let kind = Kind::Enum {
            symbols: symbols.collect(),
            default: schema
                .parameter(&format!("{ENUM_DEFAULT}{simple}"))
                .filter(|_| !self.options.discard)
                .map(str::to_owned),
        };
        let doc = match self.options.discard {
            true => schema.parameter(PLAIN_ENUM_DOC),
            false => schema.parameter(&format!("{ENUM_DOC}{simple}")),
        };
        Ok(Node {
            doc: doc.map(str::to_owned),
            ..Node::named(kind, checked_full(name)?)
        })
    }

    fn bytes(&mut self, schema: &Schema) -> Result<Node, ConvertError> {
        let mut node = match fixed_size(schema)? {
            Some(size) => Node::named(Kind::Fixed(size), self.name_of(schema)?),
            None => Node::new(Kind::Bytes),
        };
        if let Some((precision, scale)) = decimal(schema)? {
            storable(&node.kind, precision, scale)?;
            node.props.insert("scale".to_owned(), scale.into());
            node.props.insert("precision".to_owned(), precision.into());
        }
        Ok(node)
    }

    /// A map whose keys are no texts: an array of entries.
    fn entries(
        &mut self,
        map: &Schema,
        key: &Schema,
        value: &Schema,
    ) -> Result<NodeId, ConvertError> {
        let name = match &map.name {
            None => format!("{NAMESPACE}.{MAP_ENTRY}"),
            Some(_) => self.name_of(map)?,
        };
        let entry = self.nodes.add(Node::named(Kind::Record(Vec::new()), name));
        let fields = vec![
            self.field("key", key, self.entry_doc(key))?,
            self.field("value", value, self.entry_doc(value))?,
        ];
        if let Some(node) = self.nodes.at_mut(entry) {
            node.kind = Kind::Record(fields);
            if map.name.is_some() {
                node.props
                    .insert("connect.internal.type".to_owned(), MAP_ENTRY.into());
            }
        }
        let entry = self.settled(entry)?;
        Ok(self.nodes.add(Node::new(Kind::Array(entry))))
    }

    /// The documentation of a field of an entry.
    fn entry_doc<'s>(&self, schema: &'s Schema) -> Option<&'s str> {
        schema.doc.as_deref().filter(|_| self.options.discard)
    }

    fn structure(&mut self, schema: &Schema) -> Result<NodeId, ConvertError> {
        if is_union(schema) {
            let mut branches = Vec::new();
            if schema.optional {
                branches.push(self.nodes.add(Node::new(Kind::Null)));
            }
            for field in schema.fields() {
                branches.push(self.inner(&required(&field.schema), true)?);
            }
            return Ok(self.nodes.add(Node::new(Kind::Union(branches))));
        }
        if schema.optional {
            let null = self.nodes.add(Node::new(Kind::Null));
            let record = self.inner(&required(schema), false)?;
            return Ok(self.nodes.add(Node::new(Kind::Union(vec![null, record]))));
        }
        let name = self.name_of(schema)?;
        let doc = match self.options.discard {
            true => PLAIN_RECORD_DOC,
            false => RECORD_DOC,
        };
        let record = self.nodes.add(Node {
            doc: schema.parameter(doc).map(str::to_owned),
            ..Node::named(Kind::Record(Vec::new()), name)
        });
        if let Some(name) = &schema.name {
            self.by_connect_name.entry(name.clone()).or_insert(record);
        }
        let mut fields: Vec<AvroField> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let doc = match self.options.discard {
                true => field.schema.doc.as_deref(),
                false => schema.parameter(&format!("{FIELD_DOC}{}", field.name)),
            };
            let field = self.field(&field.name, &field.schema, doc)?;
            if fields.iter().any(|known| known.name == field.name) {
                return Err(ConvertError::Data(format!(
                    "Duplicate field {} in record",
                    field.name
                )));
            }
            fields.push(field);
        }
        if let Some(node) = self.nodes.at_mut(record) {
            node.kind = Kind::Record(fields);
        }
        Ok(record)
    }

    fn field(
        &mut self,
        name: &str,
        schema: &Schema,
        doc: Option<&str>,
    ) -> Result<AvroField, ConvertError> {
        let name = scrubbed(name, self.options)?;
        let node = self.schema(schema, false)?;
        let default = match &schema.default {
            Some(default) => {
                let json = defaults::json(schema, default, self.options)?;
                Some(json)
            }
            None => schema.optional.then_some(Json::Null),
        };
        // One that Avro would refuse is left out; connect.default keeps it.
        let default = default.filter(|json| defaults::is_valid(&self.nodes, node, json));
        Ok(AvroField {
            name,
            node,
            doc: doc.map(str::to_owned),
            default,
        })
    }

    /// The full name of a schema, or one of those for schemas without.
    fn name_of(&mut self, schema: &Schema) -> Result<String, ConvertError> {
        if let Some(name) = &schema.name {
            return scrubbed_full(name, self.options);
        }
        self.unnamed += 1;
        Ok(match self.unnamed {
            1 => DEFAULT_NAME.to_owned(),
            number => format!("{DEFAULT_NAME}{number}"),
        })
    }

    /// Adds what Avro has no words for.
    fn describe(&mut self, id: NodeId, schema: &Schema) -> Result<(), ConvertError> {
        let mut props = Map::new();
        let mut put = |key: &str, value: Json| {
            props.insert(key.to_owned(), value);
        };
        if self.options.meta_data {
            if let Some(doc) = &schema.doc {
                put("connect.doc", doc.as_str().into());
            }
            if let Some(version) = schema.version {
                put("connect.version", version.into());
            }
            let parameters = schema
                .parameters
                .iter()
                .filter(|(key, _)| self.options.discard || key != FIELD_DEFAULT);
            let parameters: Map<_, _> = parameters
                .map(|(key, value)| (key.clone(), value.as_str().into()))
                .collect();
            if !parameters.is_empty() {
                put("connect.parameters", Json::Object(parameters));
            }
            if let Some(default) = &schema.default
                && (self.options.discard || schema.parameter(FIELD_DEFAULT).is_none())
            {
                put(
                    "connect.default",
                    defaults::json(schema, default, self.options)?,
                );
            }
            if let Some(name) = &schema.name {
                put("connect.name", name.as_str().into());
            }
            match schema.kind {
                SchemaType::Int8 => put("connect.type", "int8".into()),
                SchemaType::Int16 => put("connect.type", "int16".into()),
                _ => {}
            }
        }
        if let Some(logical) = logical(schema)? {
            put("logicalType", logical.into());
        }
        for (key, value) in &schema.parameters {
            if key.starts_with("avro") {
                put(key, value.as_str().into());
            }
        }
        if let Some(node) = self.nodes.at_mut(id) {
            node.props.extend(props);
        }
        Ok(())
    }

    /// The type of this name that was there already, when it is the same; two that differ cannot have one name.
    fn settled(&mut self, id: NodeId) -> Result<NodeId, ConvertError> {
        let node = self.nodes.at(id);
        if !node.kind.is_named() {
            return Ok(id);
        }
        match self.by_name.get(&node.name) {
            Some(known) if *known == id || print(&self.nodes, *known) == print(&self.nodes, id) => {
                Ok(*known)
            }
            Some(_) => Err(ConvertError::Data(format!(
                "Can't redefine: {}; two different parts of the schema have this name, and Avro allows one: give them \
                 names of their own",
                node.name
            ))),
            None => {
                self.by_name.insert(node.name.clone(), id);
                Ok(id)
            }
        }
    }
}

/// The same schema, not optional.
fn required(schema: &Schema) -> Schema {
    Schema {
        optional: false,
        ..schema.clone()
    }
}

/// Precision and scale of a decimal.
fn decimal(schema: &Schema) -> Result<Option<(i64, i64)>, ConvertError> {
    if schema.name.as_deref() != Some(DECIMAL) {
        return Ok(None);
    }
    let number = |name: &str| {
        let text = schema.parameter(name)?;
        Some(text.parse::<i32>().map(i64::from).map_err(|_| {
            ConvertError::Data(format!(
                "Invalid {name} parameter found in Decimal schema: {text:?}"
            ))
        }))
    };
    let scale = number("scale").unwrap_or_else(|| {
        Err(ConvertError::data(
            "Invalid Decimal schema: scale parameter not found.",
        ))
    })?;
    let precision = number(PRECISION).unwrap_or(Ok(PRECISION_DEFAULT))?;
    Ok(Some((precision, scale)))
}

/// Whether a decimal's precision is one that Avro has for its type. One whose scale Avro does not have is no decimal of
/// Avro's rules, and is not looked at.
fn storable(kind: &Kind, precision: i64, scale: i64) -> Result<(), ConvertError> {
    if scale < 0 || scale > precision {
        return Ok(());
    }
    if precision <= 0 {
        return Err(ConvertError::Data(format!(
            "Invalid decimal precision: {precision} (must be positive)"
        )));
    }
    let Kind::Fixed(size) = kind else {
        return Ok(());
    };
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "as Avro has it"
    )]
    let digits_max = (2_f64.log10() * (8.0 * *size as f64 - 1.0)).floor() as i64;
    if precision > digits_max {
        return Err(ConvertError::Data(format!(
            "fixed({size}) cannot store {precision} digits (max {digits_max})"
        )));
    }
    Ok(())
}

/// The logical type that Avro has for a schema. A decimal has one that Avro's rules allow, or that is asked for by its
/// precision.
fn logical(schema: &Schema) -> Result<Option<&'static str>, ConvertError> {
    Ok(match schema.name.as_deref() {
        Some(DATE) => Some("date"),
        Some(TIME) => Some("time-millis"),
        Some(TIMESTAMP) => Some("timestamp-millis"),
        Some(DECIMAL) => decimal(schema)?.map(|_| "decimal"),
        _ => None,
    })
}
