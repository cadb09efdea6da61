//! The place of a schema among a batch's distinct schemas.

use std::collections::HashMap;

use tidegate_model::limits::BATCH_SCHEMAS_MAX;

use crate::error::ConvertError;

/// Up to so many schemas are compared one by one; that is quicker than hashing.
const FEW: usize = 16;

/// Finds schemas in a batch's list while one column is converted.
#[derive(Debug, Default)]
pub(crate) struct SchemaIndexes {
    places: HashMap<Vec<u8>, usize>,
    /// How many of the list are in `places`.
    counted: usize,
}

impl SchemaIndexes {
    /// The index of `schema` in `schemas`, where it is appended when it is new.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn of(
        &mut self,
        schemas: &mut Vec<Vec<u8>>,
        schema: &[u8],
    ) -> Result<i32, ConvertError> {
        let found = if schemas.len() <= FEW {
            schemas.iter().position(|known| known == schema)
        } else {
            for (place, known) in schemas.iter().enumerate().skip(self.counted) {
                self.places.entry(known.clone()).or_insert(place);
            }
            self.counted = schemas.len();
            self.places.get(schema).copied()
        };
        let index = match found {
            Some(index) => index,
            None if schemas.len() < BATCH_SCHEMAS_MAX => {
                schemas.push(schema.to_vec());
                schemas.len() - 1
            }
            None => {
                return Err(ConvertError::data(format!(
                    "the batch has {BATCH_SCHEMAS_MAX} schemas already, which is the most that is allowed"
                )));
            }
        };
        Ok(i32::try_from(index).unwrap_or(-1))
    }
}

/// The index of `schema` in `schemas`, as of [`SchemaIndexes::of`], for converters that have only one.
pub(crate) fn schema_index(schemas: &mut Vec<Vec<u8>>, schema: &[u8]) -> Result<i32, ConvertError> {
    SchemaIndexes::default().of(schemas, schema)
}

/// The schema of a record of a batch; `None` for none.
pub(crate) fn schema_of(value_schemas: &[i32], index: usize) -> Option<usize> {
    value_schemas
        .get(index)
        .and_then(|schema| usize::try_from(*schema).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_schemas_are_found_and_their_number_is_limited() {
        let mut schemas = vec![b"first".to_vec()];
        let mut indexes = SchemaIndexes::default();
        for round in 0..2 {
            for number in 1..BATCH_SCHEMAS_MAX {
                let schema = number.to_le_bytes();
                let index = indexes.of(&mut schemas, &schema);
                assert_eq!(index, Ok(i32::try_from(number).unwrap()), "{round}");
            }
            assert_eq!(indexes.of(&mut schemas, b"first"), Ok(0));
        }
        assert!(indexes.of(&mut schemas, b"one more").is_err());
    }
}
