//! Giving the maps of a batch the keys back that they left to shapes.

use super::MapShape;
use crate::batch::Batch;
use crate::column::Column;
use crate::schema::{Schema, SchemaType};

impl Batch {
    /// Whether maps may have left their keys to a shape.
    #[inline]
    #[must_use]
    pub fn has_map_shapes(&self) -> bool {
        self.schemas.iter().any(|schema| MapShape::is(schema))
    }

    /// Gives maps their keys back. The shapes stay among the schemas, where nothing refers to them any longer.
    pub fn expand_maps(&mut self) {
        self.expand_keys();
        self.expand_values();
    }

    /// Gives the keys of records that are maps their keys back.
    pub fn expand_keys(&mut self) {
        expand_column(&mut self.keys, &mut self.key_schemas, &self.schemas);
    }

    /// Gives the values of records that are maps their keys back.
    pub fn expand_values(&mut self) {
        expand_column(&mut self.values, &mut self.value_schemas, &self.schemas);
    }

    /// Gives maps their keys back, for those who do not know shapes: in the place of each a schema is left that
    /// nothing refers to.
    pub fn drop_map_shapes(&mut self) {
        self.expand_maps();
        replace_map_shapes(&mut self.schemas);
    }
}

/// Puts a schema in the place of each map shape, where nothing refers to them.
pub fn replace_map_shapes(schemas: &mut [Vec<u8>]) {
    for schema in schemas {
        if MapShape::is(schema) {
            *schema = Schema::new(SchemaType::String).to_encoded();
        }
    }
}

fn expand_column(column: &mut Column, indexes: &mut Vec<i32>, schemas: &[Vec<u8>]) {
    let refers = |index: &i32| {
        let encoded = usize::try_from(*index)
            .ok()
            .and_then(|index| schemas.get(index));
        encoded.is_some_and(|encoded| MapShape::is(encoded))
    };
    if !schemas.iter().any(|schema| MapShape::is(schema)) || !indexes.iter().any(refers) {
        return;
    }
    let shape = |schema: &Vec<u8>| {
        let shape = MapShape::is(schema).then(|| MapShape::decode(schema));
        shape.map(Result::unwrap_or_default)
    };
    let shapes: Vec<Option<MapShape>> = schemas.iter().map(shape).collect();
    let shape_of = |index: i32| shapes.get(usize::try_from(index).ok()?)?.as_ref();
    let room = column.bytes.len() * 2;
    let mut expanded = Column::with_capacity(column.len(), room);
    for (value, index) in column.iter().zip(indexes.iter_mut()) {
        let shape = shape_of(*index);
        if shape.is_some() {
            *index = -1;
        }
        match (value, shape) {
            (Some(value), Some(shape)) => {
                let mark = expanded.begin();
                shape.expand(value, &mut expanded.bytes);
                expanded.end(mark);
            }
            (value, _) => expanded.push(value),
        }
    }
    *column = expanded;
    if indexes.iter().all(|index| *index == -1) {
        indexes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn maps_get_their_keys_back_and_all_else_stays() {
        let keys = ["a", "b"].map(|key| Value::from(key).to_encoded());
        let shape = MapShape::of(keys.iter().map(Vec::as_slice)).unwrap();
        let values = |values: Vec<Value>| Value::Struct(values).to_encoded();
        let schema = Schema::new(SchemaType::Int64).to_encoded();
        let text = Value::from("text").to_encoded();
        let given = [
            Some(values(vec![1_i64.into(), "x".into()])),
            Some(text.clone()),
            None,
            Some(values(vec![Value::Null, Value::Map(vec![])])),
        ];
        let mut batch = Batch {
            count: 4,
            schemas: vec![schema.clone(), shape.to_encoded()],
            value_schemas: vec![1, 0, 1, 1],
            values: given.iter().map(Option::as_deref).collect(),
            ..Batch::default()
        };
        batch.drop_map_shapes();
        let entry = |key: &str, value| (Value::from(key), value);
        let map = |a, b| Value::Map(vec![entry("a", a), entry("b", b)]).to_encoded();
        let wanted = [
            Some(map(1_i64.into(), "x".into())),
            Some(text),
            None,
            Some(map(Value::Null, Value::Map(vec![]))),
        ];
        let wanted: Column = wanted.iter().map(Option::as_deref).collect();
        assert_eq!(
            (&batch.values, &batch.value_schemas),
            (&wanted, &vec![-1, 0, -1, -1])
        );
        assert_eq!(batch.schemas[0], schema);
        assert!(!batch.has_map_shapes());
    }
}
