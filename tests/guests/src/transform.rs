//! Transforms and predicates.

use std::cell::{Cell, RefCell};

use crate::exports::tidegate::connect::predicate;
use crate::exports::tidegate::connect::transform::{
    Guest, Step, StepError, TopicColumn, Transformed, ValueColumn,
};
use crate::source::{column, text};
use crate::types::{Batch, Config, Error, ErrorKind, Headers, Reads};
use crate::{Component, config_value, error, misdeeds, tells};

/// The class names of the transforms, without `test.`.
pub const TRANSFORMS: &[&str] = &[
    "Nothing",
    "HandsBack",
    "DropsAll",
    "TrapsOnPoison",
    "LoopsInValidate",
    "LoopsInApply",
    "LoopsInConfigure",
    "RefusesConfig",
    "TooManyOutputs",
    "TrapsOnLargeCalls",
    "GrowsValues",
    "Flaky",
    "LoopsOnPoison",
    "TrapsAlways",
    "TellsSecrets",
    "TrapsInConfigure",
    "WrongShape",
];
/// The class names of the predicates, without `test.`.
pub const PREDICATES: &[&str] = &[
    "All",
    "LoopsInTest",
    "WrongCount",
    "WrongAnswer",
    "BeginsWithYes",
    "MeetsNoShape",
    "TrapsOnPoison",
    "TrapsInTest",
];

thread_local! {
    static CLASS: RefCell<String> = const { RefCell::new(String::new()) };
    static CONFIG: RefCell<Config> = const { RefCell::new(Vec::new()) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn reads(config: &Config) -> Reads {
    let all = config_value(config, "reads") != "nothing";
    Reads {
        keys: all,
        values: all,
        headers: all,
        map_shapes: false,
    }
}

fn class() -> String {
    CLASS.with_borrow(Clone::clone)
}

/// The values, none of which is null.
fn values(batch: &Batch) -> impl Iterator<Item = &[u8]> {
    let mut rest = batch.values.bytes.as_slice();
    batch.values.lengths.iter().map(move |length| {
        let (value, after) = rest.split_at(*length as usize);
        rest = after;
        value
    })
}

/// Whether one of the values has `poison` in it.
fn poisoned(batch: &Batch) -> bool {
    batch.values.bytes.windows(6).any(|text| text == b"poison")
}

/// An encoded string with dots at its end, so that it has `size` characters.
fn padded(value: &[u8], size: usize) -> Vec<u8> {
    let held = std::str::from_utf8(&value[5..]).unwrap();
    let dots = ".".repeat(size.saturating_sub(held.len()));
    text(&(held.to_owned() + &dots))
}

/// Refuses the values of `bad`, and those of `later` until it was called `tries` times; they are separated by commas.
/// With `call` the whole call asks to come again until then.
fn flaky(batch: &Batch, unchanged: Transformed) -> Result<Transformed, Error> {
    let calls = CALLS.get() + 1;
    CALLS.set(calls);
    CONFIG.with_borrow(|config| {
        let tries = config_value(config, "tries").parse().unwrap_or(0);
        if calls <= tries && config_value(config, "call") == "yes" {
            return Err(error(ErrorKind::Retriable, "later, all of it"));
        }
        let named =
            |key: &str, text: &str| config_value(config, key).split(',').any(|it| it == text);
        let (mut inputs, mut errors) = (Vec::new(), Vec::new());
        for (index, value) in (0_u32..).zip(values(batch)) {
            let text = std::str::from_utf8(&value[5..]).unwrap();
            let kind = if named("bad", text) {
                ErrorKind::Data
            } else if calls <= tries && named("later", text) {
                ErrorKind::Retriable
            } else {
                inputs.push(index);
                continue;
            };
            let error = error(kind, format!("not {text}"));
            errors.push(StepError {
                index,
                step: 0,
                error,
            });
        }
        Ok(Transformed {
            count: inputs.len() as u32,
            inputs,
            errors,
            ..unchanged
        })
    })
}

/// Answers with maps of a shape of two keys, wrong as `what` says.
///
/// | | |
/// | --- | --- |
/// | nothing | not wrong |
/// | `too-few`, `too-many` | the second map has a value less or more |
/// | `no-map` | it is a string |
/// | `keys` | it is a map that has its keys itself |
/// | `damaged` | the shape ends early |
/// | `repeated` | the shape has a key twice |
/// | `no-text` | a key of the shape is no string |
/// | `many-keys` | the shape says that it has more keys than are allowed |
/// | `no-shape` | a map refers to a shape that is not there |
/// | `header` | a header refers to the shape |
fn wrong_shape(batch: &Batch, unchanged: Transformed) -> Transformed {
    let what = CONFIG.with_borrow(|config| config_value(config, "what"));
    let container = |tag: u8, count: u32, parts: &[Vec<u8>]| {
        let parts = parts.concat();
        let length = (parts.len() as u32 + 4).to_le_bytes();
        [&[tag], &length[..], &count.to_le_bytes(), &parts].concat()
    };
    let wrong = |value: &[u8]| match what.as_str() {
        "too-few" => container(12, 1, &[text("a")]),
        "too-many" => container(12, 3, &[text("a"), value.to_vec(), text("c")]),
        "no-map" => text("a"),
        "keys" => container(11, 1, &[text("a"), text("b")]),
        _ => container(12, 2, &[text("a"), value.to_vec()]),
    };
    let right = |value: &[u8]| container(12, 2, &[text("a"), value.to_vec()]);
    let maps = values(batch).enumerate().map(|(row, value)| match row {
        1 => wrong(value),
        _ => right(value),
    });
    let (count, keys) = match what.as_str() {
        "repeated" => (2, [text("x"), text("x")]),
        "no-text" => (2, [text("x"), vec![0]]),
        "many-keys" => (u32::MAX, [text("x"), text("y")]),
        _ => (2, [text("x"), text("y")]),
    };
    let mut shape = [&[17], &u32::to_le_bytes(count)[..], &keys.concat()].concat();
    if what == "damaged" {
        shape.pop();
    }
    let known = batch.schemas.len() as i32;
    let schema = if what == "no-shape" { known + 1 } else { known };
    let headers = (what == "header").then(|| Headers {
        counts: vec![1; batch.count as usize],
        keys: column(&vec![b"h".to_vec(); batch.count as usize]),
        schemas: vec![known; batch.count as usize],
        values: column(&vec![right(&text("b")); batch.count as usize]),
    });
    Transformed {
        new_schemas: vec![shape],
        values: Some(ValueColumn {
            schemas: vec![schema; batch.count as usize],
            values: column(&maps.collect::<Vec<_>>()),
        }),
        headers,
        ..unchanged
    }
}

impl Guest for Component {
    fn configure(chain: Vec<Step>) -> Result<Reads, Error> {
        let step = &chain[0];
        misdeeds::trap_in(&step.class_name, "Configure");
        match step.class_name.as_str() {
            "test.LoopsInConfigure" => misdeeds::loop_for_ever(),
            "test.RefusesConfig" => return Err(error(ErrorKind::Config, "not like this")),
            _ => {}
        }
        CLASS.set(step.class_name.clone());
        CONFIG.set(step.config.clone());
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
            steps: vec![],
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
            "test.TellsSecrets" => {
                let told = CONFIG.with_borrow(tells::all);
                let errors = (0..batch.count).map(|index| StepError {
                    index,
                    step: 0,
                    error: error(ErrorKind::Data, told.clone()),
                });
                Ok(Transformed {
                    errors: errors.collect(),
                    ..unchanged(0)
                })
            }
            "test.Flaky" => flaky(&batch, unchanged(batch.count)),
            "test.TooManyOutputs" => Ok(unchanged(u32::MAX)),
            "test.LoopsInApply" => misdeeds::loop_for_ever(),
            "test.TrapsOnLargeCalls" => {
                misdeeds::trap_on_large_call(&batch);
                Ok(unchanged(batch.count))
            }
            "test.GrowsValues" => {
                let size = CONFIG.with_borrow(|config| config_value(config, "bytes"));
                let size: usize = size.parse().unwrap();
                let grown: Vec<_> = values(&batch).map(|value| padded(value, size)).collect();
                Ok(Transformed {
                    values: Some(ValueColumn {
                        schemas: vec![],
                        values: column(&grown),
                    }),
                    ..unchanged(batch.count)
                })
            }
            "test.TrapsOnPoison" => {
                assert!(!poisoned(&batch), "poison");
                Ok(unchanged(batch.count))
            }
            "test.LoopsOnPoison" => {
                if poisoned(&batch) {
                    misdeeds::loop_for_ever();
                }
                Ok(unchanged(batch.count))
            }
            "test.WrongShape" => Ok(wrong_shape(&batch, unchanged(batch.count))),
            "test.TrapsAlways" => panic!("always"),
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
        misdeeds::trap_in(&class(), "Test");
        match class().as_str() {
            "test.LoopsInTest" => misdeeds::loop_for_ever(),
            "test.WrongCount" => Ok(vec![1]),
            "test.WrongAnswer" => Ok(vec![2; batch.count as usize]),
            "test.BeginsWithYes" => {
                misdeeds::trap_on_large_call(&batch);
                let yes = |value: &[u8]| u8::from(value.get(5..8) == Some(b"yes"));
                Ok(values(&batch).map(yes).collect())
            }
            "test.MeetsNoShape" => {
                let met = batch.schemas.iter().any(|schema| schema[0] == 17);
                Ok(vec![u8::from(!met); batch.count as usize])
            }
            "test.TrapsOnPoison" => {
                assert!(!poisoned(&batch), "poison");
                Ok(vec![1; batch.count as usize])
            }
            _ => Ok(vec![1; batch.count as usize]),
        }
    }
}
