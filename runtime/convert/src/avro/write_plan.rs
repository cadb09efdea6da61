//! How encoded Connect values are written as Avro, worked out once per pair of schemas. The Avro schema mostly is the
//! one made of the Connect schema; with `use.latest.version` and `use.schema.id` it is another, which must be able to
//! take the values: as Avro's own resolution of schemas has it, fields go by name, what the other lacks is left out,
//! and what only the other has gets its default.

use std::cell::Cell;
use std::collections::HashMap;

use tidegate_model::schema::{DATE, DECIMAL, Schema, SchemaType, TIME, TIMESTAMP};

use super::defaults;
use super::names::{
    checked_full, enum_name, fixed_size, is_map_entry, is_union, scrubbed, scrubbed_full,
};
use super::options::DataOptions;
use super::schema::{AvroField, Kind, Node, NodeId, Nodes};
use crate::error::ConvertError;

/// How much may be looked at while the branches of unions are searched, in fields, symbols and branches: unions within unions
/// multiply what is tried.
const UNION_SEARCH_MAX: usize = 1_000_000;

/// How a value is written.
#[derive(Debug)]
pub(super) struct Plan {
    /// By its type.
    pub(super) shape: Shape,
    /// Its branch, when it is one of a union.
    pub(super) branch: Option<usize>,
    /// The branch of null.
    pub(super) null: Option<usize>,
}

/// A type and what it becomes.
#[derive(Debug)]
pub(super) enum Shape {
    Boolean,
    Number(Source, Number),
    String,
    /// The places of the symbols.
    Enum(HashMap<Box<[u8]>, usize>),
    Bytes,
    Fixed(usize),
    /// With its scale, and its size when that is fixed.
    Decimal(i32, Option<usize>),
    Array(Box<Plan>),
    Map(Box<Plan>),
    /// An array of entries.
    Entries(Box<(Plan, Plan)>),
    /// With the number of the struct's fields.
    Record(usize, Vec<Step>),
    /// A struct of which one field is set: the plan of each, with the encoded value that null stands for.
    Union(Vec<(Plan, Option<Box<[u8]>>)>),
}

/// The types of numbers that Connect has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Date,
    Time,
    Timestamp,
}

/// The types of numbers that Avro has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Int,
    Long,
    Float,
    Double,
}

/// A field of a record.
#[derive(Debug)]
pub(super) enum Step {
    /// A field of the struct.
    Field {
        /// Its place in the struct.
        index: usize,
        /// How it is written.
        plan: Plan,
        /// The encoded value that null stands for.
        default: Option<Box<[u8]>>,
    },
    /// The Avro bytes of a field that the struct lacks.
    Constant(Box<[u8]>),
}

/// Works out how values of a Connect schema are written with an Avro schema.
///
/// # Errors
/// When the Avro schema cannot take them, with the place.
pub(super) fn plan(
    schema: &Schema,
    nodes: &Nodes,
    id: NodeId,
    options: &DataOptions,
) -> Result<Plan, ConvertError> {
    let planner = Planner {
        nodes,
        options,
        search_left: Cell::new(UNION_SEARCH_MAX),
    };
    let plan = planner.plan(schema, id)?;
    // One that was found when the search had to end may not be the best.
    planner.search(0).map(|()| plan)
}

struct Planner<'n> {
    nodes: &'n Nodes,
    options: &'n DataOptions,
    search_left: Cell<usize>,
}

/// The branches of a union.
struct Branches<'n> {
    ids: &'n [NodeId],
    /// The places of those that have names.
    by_name: HashMap<&'n str, usize>,
}

impl<'n> Planner<'n> {
    /// Takes from what may be looked at.
    fn search(&self, parts: usize) -> Result<(), ConvertError> {
        let left = self.search_left.get().saturating_sub(parts);
        self.search_left.set(left);
        if left > 0 {
            return Ok(());
        }
        Err(ConvertError::Data(format!(
            "the unions of the Avro schema have too many branches that values may be of: {UNION_SEARCH_MAX} parts of them \
             were looked at, which is the most that is allowed"
        )))
    }

    fn branches(&self, ids: &'n [NodeId]) -> Branches<'n> {
        let nodes = ids.iter().map(|id| self.nodes.at(*id)).enumerate();
        let named = nodes.filter(|(_, node)| node.kind.is_named());
        Branches {
            ids,
            by_name: named
                .map(|(place, node)| (node.name.as_str(), place))
                .collect(),
        }
    }

    fn plan(&self, schema: &Schema, id: NodeId) -> Result<Plan, ConvertError> {
        let node = self.nodes.at(id);
        let Kind::Union(branches) = &node.kind else {
            return Ok(Plan {
                shape: self.shape(schema, id, node)?,
                branch: None,
                null: None,
            });
        };
        let is_null = |branch: &&NodeId| matches!(self.nodes.at(**branch).kind, Kind::Null);
        let null = branches.iter().position(|branch| is_null(&branch));
        let branches = &self.branches(branches);
        if is_union(schema) {
            let fields = schema.fields().iter();
            let plans = fields.map(|field| {
                let (branch, shape) = self.branch(&field.schema, branches)?;
                let plan = Plan {
                    shape,
                    branch: Some(branch),
                    null: None,
                };
                Ok((plan, self.default(&field.schema)))
            });
            return Ok(Plan {
                shape: Shape::Union(plans.collect::<Result<_, ConvertError>>()?),
                branch: None,
                null,
            });
        }
        let (branch, shape) = self.branch(schema, branches)?;
        Ok(Plan {
            shape,
            branch: Some(branch),
            null,
        })
    }

    /// The branch for values of a schema: the one with its name, or else the first that can take them.
    fn branch(
        &self,
        schema: &Schema,
        branches: &Branches<'_>,
    ) -> Result<(usize, Shape), ConvertError> {
        let enum_name = enum_name(schema, self.options);
        let wanted = match (enum_name, &schema.name) {
            (Some(name), _) => checked_full(name).ok(),
            (None, Some(name)) => {
                Some(scrubbed_full(name, self.options).unwrap_or_else(|_| name.clone()))
            }
            (None, None) => None,
        };
        let has_own_type = enum_name.is_some() || matches!(fixed_size(schema), Ok(Some(_)));
        let wanted = wanted.and_then(|name| branches.by_name.get(name.as_str()).copied());
        let others = (0..branches.ids.len()).filter(|place| Some(*place) != wanted);
        let mut first_error = None;
        for place in wanted.into_iter().chain(others) {
            self.search(1)?;
            let Some(id) = branches.ids.get(place).copied() else {
                continue;
            };
            let node = self.nodes.at(id);
            if !may_take(schema, &node.kind) {
                continue;
            }
            match self.shape(schema, id, node) {
                // A wider number only when none is its own type.
                Ok(shape) if is_exact(&shape) => return Ok((place, shape)),
                Ok(shape) if has_own_type && Some(place) == wanted => return Ok((place, shape)),
                Ok(shape) => {
                    first_error.get_or_insert(Ok((place, shape)));
                }
                Err(error) => {
                    first_error.get_or_insert(Err(error));
                }
            }
        }
        match first_error {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(error),
            None => Err(ConvertError::Data(format!(
                "a union has no branch for a value of the type {}",
                schema.kind.name()
            ))),
        }
    }

    fn shape(&self, schema: &Schema, id: NodeId, node: &Node) -> Result<Shape, ConvertError> {
        if let Some(source) = source(schema)
            && let Some(number) = number(&node.kind)
            && source.fits(number)
        {
            return Ok(Shape::Number(source, number));
        }
        Ok(match (&schema.kind, &node.kind) {
            (SchemaType::Boolean, Kind::Boolean) => Shape::Boolean,
            (SchemaType::String, Kind::String) => Shape::String,
            (SchemaType::String, Kind::Enum { symbols, .. }) => {
                self.search(symbols.len())?;
                let places = symbols.iter().enumerate();
                Shape::Enum(
                    places
                        .map(|(place, symbol)| (symbol.as_bytes().into(), place))
                        .collect(),
                )
            }
            (SchemaType::Bytes, Kind::Bytes | Kind::Fixed(_)) => self.bytes(schema, node)?,
            (SchemaType::Array(element), Kind::Array(items)) => {
                Shape::Array(Box::new(self.plan(element, *items)?))
            }
            (SchemaType::Map(key, value), Kind::Map(values)) if key.kind == SchemaType::String => {
                Shape::Map(Box::new(self.plan(value, *values)?))
            }
            (SchemaType::Map(key, value), Kind::Array(items)) => {
                match &self.nodes.at(*items).kind {
                    Kind::Record(fields) if is_map_entry(self.nodes.at(*items)) => {
                        match fields.as_slice() {
                            [first, second] => {
                                let plans =
                                    (self.plan(key, first.node)?, self.plan(value, second.node)?);
                                Shape::Entries(Box::new(plans))
                            }
                            _ => return Err(self.unfit(schema, id)),
                        }
                    }
                    _ => return Err(self.unfit(schema, id)),
                }
            }
            (SchemaType::Struct(_), Kind::Record(fields)) if !is_union(schema) => {
                self.search(schema.fields().len() + fields.len())?;
                Shape::Record(schema.fields().len(), self.record(schema, fields)?)
            }
            _ => return Err(self.unfit(schema, id)),
        })
    }

    fn bytes(&self, schema: &Schema, node: &Node) -> Result<Shape, ConvertError> {
        let size = match node.kind {
            Kind::Fixed(size) => Some(size),
            _ => None,
        };
        if schema.name.as_deref() != Some(DECIMAL) {
            return Ok(size.map_or(Shape::Bytes, Shape::Fixed));
        }
        let text = schema.parameter("scale").unwrap_or("0");
        let scale: i32 = text.parse().map_err(|_| {
            ConvertError::Data(format!(
                "Invalid scale parameter found in Decimal schema: {text:?}"
            ))
        })?;
        let wanted = node.props.get("scale").and_then(serde_json::Value::as_i64);
        match wanted {
            Some(wanted) if wanted != i64::from(scale) => Err(ConvertError::Data(format!(
                "the values are decimals of the scale {scale}, the Avro schema has {wanted}"
            ))),
            _ => Ok(Shape::Decimal(scale, size)),
        }
    }

    fn record(&self, schema: &Schema, fields: &[AvroField]) -> Result<Vec<Step>, ConvertError> {
        let mut places = HashMap::new();
        for (index, field) in schema.fields().iter().enumerate() {
            places.insert(scrubbed(&field.name, self.options)?, (index, field));
        }
        let steps = fields.iter().map(|avro| {
            if let Some((index, field)) = places.get(&avro.name) {
                let plan = self
                    .plan(&field.schema, avro.node)
                    .map_err(|error| within(&avro.name, error))?;
                return Ok(Step::Field {
                    index: *index,
                    plan,
                    default: self.default(&field.schema),
                });
            }
            let mut bytes = Vec::new();
            let default = avro.default.as_ref();
            let written =
                default.and_then(|json| defaults::bytes(self.nodes, avro.node, json, &mut bytes));
            match written {
                Some(()) => Ok(Step::Constant(bytes.into())),
                None => Err(ConvertError::Data(format!(
                    "the Avro schema has a field {} without a default, which the values lack",
                    avro.name
                ))),
            }
        });
        steps.collect()
    }

    /// The encoded value that null in a field stands for.
    fn default(&self, schema: &Schema) -> Option<Box<[u8]>> {
        let default = schema.default.as_ref();
        let default = default.filter(|_| !self.options.ignore_defaults)?;
        Some(default.to_encoded().into())
    }

    fn unfit(&self, schema: &Schema, id: NodeId) -> ConvertError {
        let node = self.nodes.at(id);
        ConvertError::Data(format!(
            "a value of the type {} cannot be written as {}{}{}",
            schema.kind.name(),
            node.kind.name(),
            if node.name.is_empty() { "" } else { " " },
            node.name
        ))
    }
}

/// Whether an Avro type may be one for values of a schema, as far as the two types say.
fn may_take(schema: &Schema, kind: &Kind) -> bool {
    if let (Some(source), Some(number)) = (source(schema), number(kind)) {
        return source.fits(number);
    }
    match schema.kind {
        SchemaType::Boolean => matches!(kind, Kind::Boolean),
        SchemaType::String => matches!(kind, Kind::String | Kind::Enum { .. }),
        SchemaType::Bytes => matches!(kind, Kind::Bytes | Kind::Fixed(_)),
        SchemaType::Array(_) => matches!(kind, Kind::Array(_)),
        SchemaType::Map(..) => matches!(kind, Kind::Map(_) | Kind::Array(_)),
        SchemaType::Struct(_) => matches!(kind, Kind::Record(_)),
        _ => false,
    }
}

/// Whether a shape loses nothing of the type.
fn is_exact(shape: &Shape) -> bool {
    match shape {
        Shape::Number(source, number) => source.own() == *number,
        Shape::Enum(_) | Shape::Fixed(_) | Shape::Decimal(_, Some(_)) => false,
        _ => true,
    }
}

fn within(field: &str, error: ConvertError) -> ConvertError {
    match error {
        ConvertError::Data(message) => {
            ConvertError::Data(format!("in the field {field}: {message}"))
        }
        other => other,
    }
}

fn source(schema: &Schema) -> Option<Source> {
    Some(match (&schema.kind, schema.name.as_deref()) {
        (SchemaType::Int8, _) => Source::Int8,
        (SchemaType::Int16, _) => Source::Int16,
        (SchemaType::Int32, Some(DATE)) => Source::Date,
        (SchemaType::Int32, Some(TIME)) => Source::Time,
        (SchemaType::Int32, _) => Source::Int32,
        (SchemaType::Int64, Some(TIMESTAMP)) => Source::Timestamp,
        (SchemaType::Int64, _) => Source::Int64,
        (SchemaType::Float32, _) => Source::Float32,
        (SchemaType::Float64, _) => Source::Float64,
        _ => return None,
    })
}

fn number(kind: &Kind) -> Option<Number> {
    Some(match kind {
        Kind::Int => Number::Int,
        Kind::Long => Number::Long,
        Kind::Float => Number::Float,
        Kind::Double => Number::Double,
        _ => return None,
    })
}

impl Source {
    /// The Avro type that is made of it.
    fn own(self) -> Number {
        match self {
            Self::Int8 | Self::Int16 | Self::Int32 | Self::Date | Self::Time => Number::Int,
            Self::Int64 | Self::Timestamp => Number::Long,
            Self::Float32 => Number::Float,
            Self::Float64 => Number::Double,
        }
    }

    /// Whether an Avro type can take it, as Avro promotes numbers.
    fn fits(self, number: Number) -> bool {
        let rank = |number| match number {
            Number::Int => 0,
            Number::Long => 1,
            Number::Float => 2,
            Number::Double => 3,
        };
        rank(self.own()) <= rank(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avro::options::tests::plain;
    use crate::avro::parse::parse;
    use crate::avro::to_connect::to_connect;

    /// A record that holds another, and that another, so deep.
    fn chain(depth: usize) -> String {
        let fields = match depth {
            0 => String::new(),
            _ => format!(r#"{{"name": "f", "type": ["null", {}]}}"#, chain(depth - 1)),
        };
        format!(r#"{{"type": "record", "name": "X{depth}", "fields": [{fields}]}}"#)
    }

    /// A union of two records that hold such a union each, so deep; the innermost cannot take what a chain has.
    fn ladder(depth: usize) -> String {
        let record = |name: &str, field: &str| {
            format!(r#"{{"type": "record", "name": "{name}{depth}", "fields": [{field}]}}"#)
        };
        let (first, second) = match depth {
            0 => {
                let field = r#"{"name": "required", "type": "int"}"#;
                (record("P", field), record("Q", field))
            }
            _ => {
                let below = depth - 1;
                let field = |union: &str| format!(r#"{{"name": "f", "type": {union}}}"#);
                let again = format!(r#"["null", "P{below}", "Q{below}"]"#);
                (
                    record("P", &field(&ladder(below))),
                    record("Q", &field(&again)),
                )
            }
        };
        format!(r#"["null", {first}, {second}]"#)
    }

    fn planned(from: &str, to: &str) -> Result<Plan, ConvertError> {
        let (nodes, root) = parse([from]).unwrap();
        let schema = to_connect(&nodes, root, None, &plain(), &mut 0).unwrap();
        let (nodes, root) = parse([to]).unwrap();
        plan(&schema, &nodes, root, &plain())
    }

    #[test]
    fn a_union_of_thousands_is_searched_by_name() {
        let records: Vec<_> = (0..3_000)
            .map(|n| format!(r#"{{"type": "record", "name": "R{n}", "fields": []}}"#))
            .collect();
        let union = format!("[{}, \"int\"]", records.join(","));
        let made = planned(&union, &union).unwrap();
        let Shape::Union(plans) = made.shape else {
            panic!("{made:?}");
        };
        assert!(
            plans
                .iter()
                .map(|(plan, _)| plan.branch)
                .eq((0..3_001).map(Some))
        );
    }

    #[test]
    fn unions_within_unions_under_other_names_end_with_an_error() {
        let few = planned(&chain(4), &ladder(4)).unwrap_err();
        assert!(few.to_string().contains("required"), "{few}");
        let error = planned(&chain(25), &ladder(25)).unwrap_err();
        assert!(error.to_string().contains("too many branches"), "{error}");
    }
}
