//! Structs flattened: the values stay in their order, and only the heads of nested structs go.

use std::sync::Arc;

use tidegate_sdk::model::limits::SCHEMA_BYTES_MAX;
use tidegate_sdk::model::schema::SchemaError;
use tidegate_sdk::model::value::{Elements, tag};
use tidegate_sdk::{Encoder, Error, Field, NewSchema, Result, Schema, SchemaType, Value};

use crate::encoded::{Run, misfit, split_value, struct_like};
use crate::fields::{OnNull, new_schema};

/// Tag, length and count of a struct.
const HEAD_BYTES: usize = 9;

/// What becomes of structs with one schema.
#[derive(Debug)]
pub struct FlatStruct {
    /// The schema of the flat structs.
    pub schema: NewSchema,
    steps: Vec<Step>,
    /// How many fields the structs have.
    fields: usize,
    /// How many fields the flat structs have.
    leaves: usize,
}

/// What comes next in the values of a struct.
#[derive(Debug)]
enum Step {
    /// A value that stays.
    Leaf(OnNull),
    /// A nested struct. The next `steps` are its own; when it is null, so are its `leaves`.
    Struct {
        fields: usize,
        leaves: usize,
        steps: usize,
    },
}

impl FlatStruct {
    /// Plans for structs with a schema.
    ///
    /// # Errors
    /// A data error when the schema cannot be flattened.
    pub fn plan(schema: &Schema, delimiter: &str) -> Result<Self> {
        let mut planner = Planner {
            delimiter,
            steps: Vec::new(),
            leaves: Vec::new(),
            name_bytes: 0,
        };
        planner.fields(schema, "", schema.optional, schema.default.as_ref())?;
        let leaves = planner.leaves.len();
        Ok(Self {
            schema: new_schema(&struct_like(schema, planner.leaves)?)?,
            steps: planner.steps,
            fields: schema.fields().len(),
            leaves,
        })
    }

    /// Writes a struct without nested structs.
    ///
    /// # Errors
    /// A data error when it does not fit the schema, or null is where it may not be.
    pub fn write(&self, elements: Elements<'_>, out: &mut Vec<u8>) -> Result<()> {
        if elements.len() != self.fields {
            return Err(misfit());
        }
        let container = Encoder::new(out).structure();
        let mut rest = elements.body();
        let mut run = Run::new(rest);
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            let (value, after) = split_value(rest).ok_or_else(misfit)?;
            match step {
                Step::Leaf(on_null) if value == [tag::NULL] => on_null.write(&mut run, out)?,
                Step::Leaf(_) => run.keep(value.len()),
                Step::Struct {
                    leaves, steps: own, ..
                } if value == [tag::NULL] => {
                    run.skip(value.len(), out);
                    out.resize(out.len() + leaves, tag::NULL);
                    if let Some(last) = own.checked_sub(1) {
                        steps.nth(last);
                    }
                }
                Step::Struct { fields, .. } => {
                    let (head, values) = rest.split_first_chunk().ok_or_else(misfit)?;
                    check_head(head, *fields)?;
                    // What is in it comes next, where it stands.
                    run.skip(HEAD_BYTES, out);
                    rest = values;
                    continue;
                }
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(misfit());
        }
        run.end(out);
        Encoder::new(out).end(container, self.leaves);
        Ok(())
    }
}

/// Says whether a nested struct has as many values as its schema has fields.
fn check_head(head: &[u8; HEAD_BYTES], fields: usize) -> Result<()> {
    let [kind, _, _, _, _, count @ ..] = head;
    if *kind == tag::STRUCT && u32::from_le_bytes(*count) as usize == fields {
        return Ok(());
    }
    Err(misfit())
}

/// Goes through a schema and what is nested in it.
struct Planner<'a> {
    delimiter: &'a str,
    steps: Vec<Step>,
    leaves: Vec<Field>,
    name_bytes: usize,
}

impl Planner<'_> {
    /// Adds the fields of a struct. `optional` says whether it or one around it may be null; `default` is what
    /// stands for it then.
    fn fields(
        &mut self,
        schema: &Schema,
        prefix: &str,
        optional: bool,
        default: Option<&Value>,
    ) -> Result<()> {
        for (place, field) in schema.fields().iter().enumerate() {
            let name = if prefix.is_empty() {
                field.name.clone()
            } else {
                format!("{prefix}{}{}", self.delimiter, field.name)
            };
            self.name_bytes += name.len();
            if self.name_bytes > SCHEMA_BYTES_MAX {
                return Err(SchemaError::Bytes(self.name_bytes).into());
            }
            let optional = optional || field.schema.optional;
            let from_parent = match default {
                Some(Value::Struct(values)) => values.get(place),
                _ => None,
            };
            let default = field.schema.default.as_ref().or(from_parent);
            let default = default.filter(|default| **default != Value::Null);
            match &field.schema.kind {
                SchemaType::Struct(fields) => {
                    let step = self.steps.len();
                    let leaves = self.leaves.len();
                    self.steps.push(Step::Leaf(OnNull::Stays));
                    self.fields(&field.schema, &name, optional, default)?;
                    let own = Step::Struct {
                        fields: fields.len(),
                        leaves: self.leaves.len() - leaves,
                        steps: self.steps.len() - step - 1,
                    };
                    if let Some(place) = self.steps.get_mut(step) {
                        *place = own;
                    }
                }
                SchemaType::Map(..) => {
                    return Err(Error::data(format_args!(
                        "Flatten transformation does not support MAP for record with schemas (for field {name})."
                    )));
                }
                _ => self.leaf(name, &field.schema, optional, default),
            }
        }
        Ok(())
    }

    /// Adds a field that stays. Null becomes the field's own default; that of a struct around it is only noted in
    /// the schema.
    fn leaf(&mut self, name: String, schema: &Schema, optional: bool, default: Option<&Value>) {
        self.steps.push(Step::Leaf(match &schema.default {
            Some(default) => OnNull::Becomes(default.to_encoded()),
            None => OnNull::of_bare(&name, schema, optional),
        }));
        self.leaves.push(Field {
            name,
            schema: Arc::new(Schema {
                optional,
                default: default.cloned(),
                ..schema.clone()
            }),
        });
    }
}
