//! Transforms and predicates.

use std::cell::RefCell;

use crate::exports::tidegate::connect::predicate;
use crate::exports::tidegate::connect::transform::{
    Guest, Step, TopicColumn, Transformed, ValueColumn,
};
use crate::types::{Batch, Config, Error, ErrorKind, Reads};
use crate::{Component, config_value, error, misdeeds};

/// The class names of the transforms, without `test.`.
pub const TRANSFORMS: &[&str] = &[
    "Nothing",
    "HandsBack",
    "DropsAll",
    "TrapsOnPoison",
    "LoopsInApply",
    "LoopsInConfigure",
    "RefusesConfig",
    "TooManyOutputs",
];
/// The class names of the predicates, without `test.`.
pub const PREDICATES: &[&str] = &["All", "LoopsInTest", "WrongCount", "WrongAnswer"];

thread_local! {
    static CLASS: RefCell<String> = const { RefCell::new(String::new()) };
}

fn reads(config: &Config) -> Reads {
    let all = config_value(config, "reads") != "nothing";
    Reads {
        keys: all,
        values: all,
        headers: all,
    }
}

fn class() -> String {
    CLASS.with_borrow(Clone::clone)
}

impl Guest for Component {
    fn configure(chain: Vec<Step>) -> Result<Reads, Error> {
        let step = &chain[0];
        match step.class_name.as_str() {
            "test.LoopsInConfigure" => misdeeds::loop_for_ever(),
            "test.RefusesConfig" => return Err(error(ErrorKind::Config, "not like this")),
            _ => {}
        }
        CLASS.set(step.class_name.clone());
        Ok(reads(&step.config))
    }

    fn apply(batch: Batch) -> Result<Transformed, Error> {
        let unchanged = |count| Transformed {
            count,
            inputs: vec![],
            topics: None,
            partitions: None,
            timestamps: None,
            new_schemas: vec![],
            keys: None,
            values: None,
            headers: None,
            errors: vec![],
        };
        match class().as_str() {
            "test.HandsBack" => Ok(Transformed {
                topics: Some(TopicColumn {
                    topics: batch.topics,
                    indexes: batch.topic_indexes,
                }),
                partitions: Some(batch.partitions),
                timestamps: Some(batch.timestamps),
                keys: Some(ValueColumn {
                    schemas: batch.key_schemas,
                    values: batch.keys,
                }),
                values: Some(ValueColumn {
                    schemas: batch.value_schemas,
                    values: batch.values,
                }),
                headers: Some(batch.headers),
                ..unchanged(batch.count)
            }),
            "test.DropsAll" => Ok(unchanged(0)),
            "test.TooManyOutputs" => Ok(unchanged(u32::MAX)),
            "test.LoopsInApply" => misdeeds::loop_for_ever(),
            "test.TrapsOnPoison" => {
                assert!(
                    !batch.values.bytes.windows(6).any(|text| text == b"poison"),
                    "poison"
                );
                Ok(unchanged(batch.count))
            }
            _ => Ok(unchanged(batch.count)),
        }
    }
}

impl predicate::Guest for Component {
    fn configure(class_name: String, config: Config) -> Result<Reads, Error> {
        CLASS.set(class_name);
        Ok(reads(&config))
    }

    fn test(batch: Batch) -> Result<Vec<u8>, Error> {
        match class().as_str() {
            "test.LoopsInTest" => misdeeds::loop_for_ever(),
            "test.WrongCount" => Ok(vec![1]),
            "test.WrongAnswer" => Ok(vec![2; batch.count as usize]),
            _ => Ok(vec![1; batch.count as usize]),
        }
    }
}
