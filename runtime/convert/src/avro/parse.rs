//! Avro schemas from JSON.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};
use tidegate_model::limits::{SCHEMA_BYTES_MAX, SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};

use super::names::{checked, checked_full};
use super::schema::{AvroField, Kind, Node, NodeId, Nodes, Props};
use crate::error::ConvertError;

/// Reads schemas of which later ones may refer to earlier ones by name; the last one is the answer.
///
/// # Errors
/// When one is no Avro schema, or over a limit.
pub(super) fn parse<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<(Nodes, NodeId), ConvertError> {
    let mut reader = Reader {
        nodes: Nodes::default(),
        names: HashMap::new(),
        bytes_left: SCHEMA_BYTES_MAX,
        parts_left: SCHEMA_FIELDS_MAX,
    };
    let mut last = None;
    for text in texts {
        reader.bytes_left = reader.bytes_left.checked_sub(text.len()).ok_or_else(|| {
            wrong(format!(
                "it has more than {SCHEMA_BYTES_MAX} bytes, which is the most that is allowed"
            ))
        })?;
        // A primitive's name may stand without quotes.
        let json = serde_json::from_str(text).or_else(|error| {
            primitive(text.trim())
                .map(|_| Json::String(text.trim().to_owned()))
                .ok_or_else(|| wrong(format!("it is no JSON: {error}")))
        })?;
        last = Some(reader.schema(&json, None, 2 * VALUE_DEPTH_MAX)?);
    }
    let root = last.ok_or_else(|| wrong("there is none".to_owned()))?;
    Ok((reader.nodes, root))
}

struct Reader {
    nodes: Nodes,
    names: HashMap<String, NodeId>,
    bytes_left: usize,
    parts_left: usize,
}

impl Reader {
    fn schema(
        &mut self,
        json: &Json,
        namespace: Option<&str>,
        depth_left: usize,
    ) -> Result<NodeId, ConvertError> {
        let depth_left = depth_left
            .checked_sub(1)
            .ok_or_else(|| wrong("it nests too deep".to_owned()))?;
        self.parts_left = self.parts_left.checked_sub(1).ok_or_else(|| {
            wrong(format!(
                "it has more than {SCHEMA_FIELDS_MAX} parts, which is the most that is allowed"
            ))
        })?;
        match json {
            Json::String(name) => self.by_name(name, namespace),
            Json::Array(branches) => self.union(branches, namespace, depth_left),
            Json::Object(object) => self.object(object, namespace, depth_left),
            other => Err(wrong(format!(
                "{} stands where a schema is wanted",
                shown(other)
            ))),
        }
    }

    fn by_name(&mut self, name: &str, namespace: Option<&str>) -> Result<NodeId, ConvertError> {
        if let Some(kind) = primitive(name) {
            return Ok(self.nodes.add(Node::new(kind)));
        }
        let known = match namespace {
            Some(namespace) if !name.contains('.') => self
                .names
                .get(&format!("{namespace}.{name}"))
                .or_else(|| self.names.get(name)),
            _ => self.names.get(name),
        };
        known.copied().ok_or_else(|| {
            wrong(format!(
                "Undefined schema: {name}; a type is defined where its name comes first"
            ))
        })
    }

    fn union(
        &mut self,
        branches: &[Json],
        namespace: Option<&str>,
        depth_left: usize,
    ) -> Result<NodeId, ConvertError> {
        let mut ids: Vec<NodeId> = Vec::with_capacity(branches.len());
        let mut known = HashSet::with_capacity(branches.len());
        for branch in branches {
            let id = self.schema(branch, namespace, depth_left)?;
            let node = self.nodes.at(id);
            if matches!(node.kind, Kind::Union(_)) {
                return Err(wrong(
                    "Nested union: a union stands directly in a union".to_owned(),
                ));
            }
            if !known.insert((node.kind.name(), node.name.clone())) {
                let name = match node.kind.is_named() {
                    true => &node.name,
                    false => node.kind.name(),
                };
                return Err(wrong(format!("Duplicate in union:{name}")));
            }
            ids.push(id);
        }
        Ok(self.nodes.add(Node::new(Kind::Union(ids))))
    }

    fn object(
        &mut self,
        object: &Map<String, Json>,
        namespace: Option<&str>,
        depth_left: usize,
    ) -> Result<NodeId, ConvertError> {
        let kind = match object.get("type") {
            Some(Json::String(kind)) => kind.as_str(),
            // {"type": {"type": …}} is what the inner one is.
            Some(inner @ (Json::Object(_) | Json::Array(_))) => {
                return self.schema(inner, namespace, depth_left);
            }
            _ => return Err(wrong("an object has no \"type\"".to_owned())),
        };
        let inner = |key: &str| {
            object
                .get(key)
                .ok_or_else(|| wrong(format!("the type {kind} has no {key:?}")))
        };
        let node = match kind {
            "array" => {
                let items = self.schema(inner("items")?, namespace, depth_left)?;
                Node::new(Kind::Array(items))
            }
            "map" => {
                let values = self.schema(inner("values")?, namespace, depth_left)?;
                Node::new(Kind::Map(values))
            }
            "record" | "error" | "enum" | "fixed" => {
                return self.named(kind, object, namespace, depth_left);
            }
            name => match primitive(name) {
                Some(kind) => Node::new(kind),
                None => return self.by_name(name, namespace),
            },
        };
        let props = props(object, &["type", "items", "values"]);
        Ok(self.nodes.add(Node { props, ..node }))
    }

    fn named(
        &mut self,
        kind: &str,
        object: &Map<String, Json>,
        outer: Option<&str>,
        depth_left: usize,
    ) -> Result<NodeId, ConvertError> {
        let text = |key: &str| object.get(key).and_then(Json::as_str);
        let name = text("name").ok_or_else(|| wrong(format!("a type {kind} has no name")))?;
        let full = match name.contains('.') {
            true => name.to_owned(),
            false => match text("namespace")
                .or(outer)
                .filter(|space| !space.is_empty())
            {
                Some(namespace) => format!("{namespace}.{name}"),
                None => name.to_owned(),
            },
        };
        let full = checked_full(&full)?;
        if primitive(&full).is_some() {
            return Err(wrong(format!(
                "Schemas may not be named after primitives: {full}"
            )));
        }
        let first = match kind {
            "enum" => enumeration(symbols(object)?, text("default"))?,
            "fixed" => Kind::Fixed(size(object)?),
            _ => Kind::Record(Vec::new()),
        };
        let id = self.nodes.add(Node {
            doc: text("doc").map(str::to_owned),
            props: props(
                object,
                &[
                    "type",
                    "name",
                    "namespace",
                    "doc",
                    "aliases",
                    "fields",
                    "symbols",
                    "size",
                    "default",
                ],
            ),
            ..Node::named(first, full.clone())
        });
        if self.names.insert(full.clone(), id).is_some() {
            return Err(wrong(format!("the name {full:?} is defined twice in it")));
        }
        if !matches!(kind, "enum" | "fixed") {
            let namespace = full.rsplit_once('.').map(|(namespace, _)| namespace);
            let fields = self.fields(object, namespace, depth_left)?;
            if let Some(node) = self.nodes.at_mut(id) {
                node.kind = Kind::Record(fields);
            }
        }
        Ok(id)
    }

    fn fields(
        &mut self,
        object: &Map<String, Json>,
        namespace: Option<&str>,
        depth_left: usize,
    ) -> Result<Vec<AvroField>, ConvertError> {
        let Some(fields) = object.get("fields").and_then(Json::as_array) else {
            return Err(wrong("a record has no \"fields\"".to_owned()));
        };
        let mut names = std::collections::HashSet::new();
        fields
            .iter()
            .map(|field| {
                let name = field.get("name").and_then(Json::as_str);
                let (Some(name), Some(schema)) = (name, field.get("type")) else {
                    return Err(wrong("a field has no name or no type".to_owned()));
                };
                checked(name)?;
                if !names.insert(name) {
                    return Err(wrong(format!("a record has two fields called {name:?}")));
                }
                let node = self.schema(schema, namespace, depth_left)?;
                if let Kind::Float | Kind::Double = self.nodes.at(node).kind
                    && let Some(text) = field.get("default").and_then(Json::as_str)
                    && tidegate_java::parse::double(text).is_none()
                {
                    return Err(wrong(format!(
                        "the default of the field {name} is no number: {text:?}"
                    )));
                }
                Ok(AvroField {
                    name: name.to_owned(),
                    node,
                    doc: field.get("doc").and_then(Json::as_str).map(str::to_owned),
                    default: field.get("default").cloned(),
                })
            })
            .collect()
    }
}

fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

fn enumeration(symbols: Vec<String>, default: Option<&str>) -> Result<Kind, ConvertError> {
    let mut known = HashSet::with_capacity(symbols.len());
    for symbol in &symbols {
        checked(symbol)?;
        if !known.insert(symbol.as_str()) {
            return Err(wrong(format!("Duplicate enum symbol: {symbol}")));
        }
    }
    if let Some(default) = default.filter(|default| !known.contains(default)) {
        return Err(wrong(format!(
            "The Enum Default: {default} is not in the enum symbol set: [{}]",
            symbols.join(", ")
        )));
    }
    Ok(Kind::Enum {
        default: default.map(str::to_owned),
        symbols,
    })
}

fn symbols(object: &Map<String, Json>) -> Result<Vec<String>, ConvertError> {
    let symbols = object.get("symbols").and_then(Json::as_array);
    let texts = symbols.and_then(|symbols| {
        let texts = symbols
            .iter()
            .map(|symbol| symbol.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>()
    });
    texts.ok_or_else(|| wrong("an enum has no \"symbols\"".to_owned()))
}

fn size(object: &Map<String, Json>) -> Result<usize, ConvertError> {
    let size = object.get("size").and_then(Json::as_u64);
    size.and_then(|size| usize::try_from(size).ok())
        .filter(|size| i32::try_from(*size).is_ok())
        .ok_or_else(|| wrong("a fixed has no \"size\"".to_owned()))
}

fn props(object: &Map<String, Json>, reserved: &[&str]) -> Props {
    let own = object
        .iter()
        .filter(|(key, _)| !reserved.contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn shown(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn wrong(problem: String) -> ConvertError {
    ConvertError::Data(format!("the Avro schema cannot be used: {problem}"))
}
