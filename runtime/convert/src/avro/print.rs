//! Avro schemas as JSON, with Avro's own order of attributes, so that the same schema is the same text.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::schema::{Kind, NodeId, Nodes, Props, split};

/// The text of a schema.
pub(super) fn print(nodes: &Nodes, root: NodeId) -> String {
    let mut printer = Printer {
        nodes,
        printed: HashSet::new(),
    };
    printer.schema(root, None).to_string()
}

struct Printer<'n> {
    nodes: &'n Nodes,
    /// The named types that were written out; after that their names are enough.
    printed: HashSet<NodeId>,
}

impl Printer<'_> {
    fn schema(&mut self, id: NodeId, namespace: Option<&str>) -> Json {
        let node = self.nodes.at(id);
        if node.kind.is_named() {
            return self.named(id, namespace);
        }
        let mut object = Map::new();
        object.insert("type".to_owned(), node.kind.name().into());
        match &node.kind {
            Kind::Union(branches) => {
                let branches = branches
                    .iter()
                    .map(|branch| self.schema(*branch, namespace));
                return branches.collect();
            }
            Kind::Array(items) => {
                object.insert("items".to_owned(), self.schema(*items, namespace));
            }
            Kind::Map(values) => {
                object.insert("values".to_owned(), self.schema(*values, namespace));
            }
            _ if node.props.is_empty() => return node.kind.name().into(),
            _ => {}
        }
        extend(&mut object, &node.props);
        Json::Object(object)
    }

    fn named(&mut self, id: NodeId, outer: Option<&str>) -> Json {
        let node = self.nodes.at(id);
        let (namespace, name) = split(&node.name);
        if !self.printed.insert(id) {
            return if namespace == outer {
                name.into()
            } else {
                node.name.as_str().into()
            };
        }
        let mut object = Map::new();
        object.insert("type".to_owned(), node.kind.name().into());
        object.insert("name".to_owned(), name.into());
        if namespace != outer {
            object.insert("namespace".to_owned(), namespace.unwrap_or_default().into());
        }
        if let Some(doc) = &node.doc {
            object.insert("doc".to_owned(), doc.as_str().into());
        }
        match &node.kind {
            Kind::Enum { symbols, default } => {
                object.insert("symbols".to_owned(), json!(symbols));
                if let Some(default) = default {
                    object.insert("default".to_owned(), default.as_str().into());
                }
            }
            Kind::Fixed(size) => {
                object.insert("size".to_owned(), (*size).into());
            }
            Kind::Record(fields) => {
                let fields = fields.iter().map(|field| {
                    let mut object = Map::new();
                    object.insert("name".to_owned(), field.name.as_str().into());
                    object.insert("type".to_owned(), self.schema(field.node, namespace));
                    if let Some(doc) = &field.doc {
                        object.insert("doc".to_owned(), doc.as_str().into());
                    }
                    if let Some(default) = &field.default {
                        object.insert("default".to_owned(), default.clone());
                    }
                    Json::Object(object)
                });
                let fields: Json = fields.collect();
                object.insert("fields".to_owned(), fields);
            }
            _ => {}
        }
        extend(&mut object, &node.props);
        Json::Object(object)
    }
}

fn extend(object: &mut Map<String, Json>, props: &Props) {
    for (key, value) in props {
        object.insert(key.clone(), value.clone());
    }
}
