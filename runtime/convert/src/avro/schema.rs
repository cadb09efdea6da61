//! Avro schemas. A named type is one node, whoever refers to it, so a schema may contain itself.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

/// The properties of a schema that Avro does not define, in order.
pub(super) type Props = Map<String, Json>;

/// A node of a schema, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(usize);

/// A schema with all that is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
}

/// A schema within a schema.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its type.
    pub(super) kind: Kind,
    /// The full name, of records, enums and fixed only.
    pub(super) name: String,
    /// The documentation, of named types only.
    pub(super) doc: Option<String>,
    /// What Avro does not define.
    pub(super) props: Props,
}

/// The type of a schema, with what belongs to it.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Record(Vec<AvroField>),
    Enum {
        symbols: Vec<String>,
        default: Option<String>,
    },
    Fixed(usize),
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(super) struct AvroField {
    pub(super) name: String,
    pub(super) node: NodeId,
    pub(super) doc: Option<String>,
    pub(super) default: Option<Json>,
}

impl Kind {
    /// The type's name in a schema.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Record(_) => "record",
            Self::Enum { .. } => "enum",
            Self::Fixed(_) => "fixed",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
        }
    }

    /// Whether its types have names of their own.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Enum { .. } | Self::Fixed(_))
    }
}

impl Node {
    /// A node of a type, with nothing else.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            name: String::new(),
            doc: None,
            props: Props::new(),
        }
    }

    /// A node of a named type.
    pub(super) fn named(kind: Kind, name: String) -> Self {
        Self {
            name,
            ..Self::new(kind)
        }
    }

    /// A property that is a text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.props.get(key)?.as_str()
    }

    /// The logical type.
    pub(super) fn logical(&self) -> Option<&str> {
        self.text("logicalType")
    }
}

/// What stands for a node that is not there, which none is ever asked for.
static NOWHERE: LazyLock<Node> = LazyLock::new(|| Node::new(Kind::Null));

impl Nodes {
    /// Adds a node.
    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// A node by its place.
    pub(super) fn at(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0).unwrap_or(&NOWHERE)
    }

    /// A node by its place, to be changed.
    pub(super) fn at_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0)
    }

    /// The place of the null among the branches of a union of null and one other type, and the other.
    pub(super) fn optional(&self, branches: &[NodeId]) -> Option<(u8, NodeId)> {
        let is_null = |id: NodeId| matches!(self.at(id).kind, Kind::Null);
        match branches {
            [first, other] if is_null(*first) && !is_null(*other) => Some((0, *other)),
            [other, second] if is_null(*second) && !is_null(*other) => Some((1, *other)),
            _ => None,
        }
    }
}

/// Namespace and simple name of a full name.
pub(super) fn split(full: &str) -> (Option<&str>, &str) {
    match full.rsplit_once('.') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, full),
    }
}
