//! Chains of transforms: selection, failures, many outputs, and what counts as changed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;

use tidegate_sdk::model::Batch;
use tidegate_sdk::prelude::*;
use tidegate_sdk::record::batch_of;
use tidegate_sdk::transform_batch::Transformed;
use tidegate_sdk::{
    Chain, Edit, HeaderEdit, MapShape, NO_SCHEMA, PluginSet, Side, Step, StepCondition,
    TransformBatch,
};

/// Doubles int32 values; null is dropped, a text fails. `times` copies come out.
struct Double {
    times: i64,
}

impl Transform for Double {
    fn describe() -> Description {
        let times = ConfigDef::new().optional("times", Type::Int, "1", Importance::Low, "Copies.");
        Description::new("test.Double")
            .alias("Double")
            .config(times)
    }

    fn configure(config: &Config) -> Result<Self> {
        Ok(Self {
            times: config.integer_in("times", 1..=9)?,
        })
    }

    fn apply(&mut self, record: Record) -> Result<Apply> {
        match record.value {
            Value::Int32(number) => {
                let doubled = Record {
                    value: Value::Int32(number * 2),
                    ..record
                };
                Ok(match self.times {
                    1 => Apply::Keep(doubled),
                    times => Apply::Many((0..times).map(|_| doubled.clone()).collect()),
                })
            }
            Value::Null => Ok(Apply::Drop),
            other => Err(Error::data(format!("{other:?} is no int32"))),
        }
    }
}

/// Gives back what it gets.
struct Nothing;

impl Transform for Nothing {
    fn describe() -> Description {
        Description::new("test.Nothing")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }
}

/// Writes the topic into the key, by columns.
struct TopicToKey;

impl Transform for TopicToKey {
    fn describe() -> Description {
        Description::new("test.TopicToKey")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn reads(&self) -> Reads {
        Reads::NONE
    }

    fn reads_when_conditional(&self) -> Reads {
        Reads::KEYS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.rewrite(Side::Key, |row, _, out| {
            Encoder::new(out).string(row.topic());
            Ok(Edit::Written(NO_SCHEMA))
        });
        Ok(())
    }
}

/// Appends `-x` to topics; refuses the topic `bad`.
struct Rename;

impl Transform for Rename {
    fn describe() -> Description {
        Description::new("test.Rename")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.rename_topics(|topic| match topic {
            "bad" => Err(Error::data("bad")),
            topic => Ok(Some(format!("{topic}-x"))),
        });
        Ok(())
    }
}

/// Makes each value a map of one key that has left it to a shape.
struct Shapes;

impl Transform for Shapes {
    fn describe() -> Description {
        Description::new("test.Shapes")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn reads(&self) -> Reads {
        Reads {
            map_shapes: true,
            ..Reads::VALUES
        }
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.rewrite(Side::Value, |row, schemas, out| {
            let shape = MapShape::of([Value::from("a").to_encoded().as_slice()]).unwrap();
            let map = Encoder::new(out).structure();
            Encoder::new(out).int64(row.offset().unwrap_or_default());
            Encoder::new(out).end(map, 1);
            Ok(Edit::Written(schemas.index(&shape.to_encoded())))
        });
        Ok(())
    }
}

/// Takes no shapes: refuses a value that has left its keys to one.
struct TakesNoShapes;

impl Transform for TakesNoShapes {
    fn describe() -> Description {
        Description::new("test.TakesNoShapes")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn reads(&self) -> Reads {
        Reads::VALUES
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.rewrite(Side::Value, |row, schemas, _| {
            let (_, schema) = row.side(Side::Value);
            match schemas.encoded(schema).is_some_and(MapShape::is) {
                true => Err(Error::data("its keys are gone")),
                false => Ok(Edit::Unchanged),
            }
        });
        Ok(())
    }
}

/// Holds for odd int32 values.
struct Odd;

impl Predicate for Odd {
    fn describe() -> Description {
        Description::new("test.Odd")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn reads(&self) -> Reads {
        Reads::VALUES
    }

    fn test(&mut self, record: &Record) -> Result<bool> {
        Ok(matches!(record.value, Value::Int32(number) if number % 2 == 1))
    }
}

tidegate_sdk::export! {
    transforms: [Double, Nothing, TopicToKey, Rename, Shapes, TakesNoShapes],
    predicates: [Odd],
}

fn step(class_name: &str) -> Step {
    Step {
        class_name: class_name.to_owned(),
        ..Step::default()
    }
}

fn when_odd(class_name: &str, negate: bool) -> Step {
    let condition = StepCondition {
        class_name: "test.Odd".to_owned(),
        negate,
        ..StepCondition::default()
    };
    Step {
        condition: Some(condition),
        ..step(class_name)
    }
}

fn chain(steps: Vec<Step>) -> Chain {
    Chain::configure(&ComponentPlugins::plugins(), steps).unwrap()
}

fn run(steps: Vec<Step>, records: &[Record]) -> Transformed {
    let done = chain(steps).apply(batch_of(records)).unwrap();
    done.batch.check().unwrap();
    done
}

fn numbers(numbers: &[i32]) -> Vec<Record> {
    numbers
        .iter()
        .map(|number| Record::new("t", *number))
        .collect()
}

fn values(batch: &Batch) -> Vec<Value> {
    records(batch).map(|record| record.unwrap().value).collect()
}

#[test]
fn what_comes_out_as_it_went_in_does_not_count_as_changed() {
    let schema = Arc::new(Schema::new(SchemaType::String));
    let record = Record {
        partition: Some(3),
        timestamp: Some(5),
        key: "k".into(),
        key_schema: Some(Arc::clone(&schema)),
        headers: vec![Header {
            key: "h".to_owned(),
            value: 1_i32.into(),
            schema: None,
        }],
        ..Record::new("t", "v")
    };
    let done = run(
        vec![step("test.Nothing")],
        &[record, Record::new("u", Value::Null)],
    );
    assert_eq!(
        done.changed,
        tidegate_sdk::transform_batch::Changed::default()
    );
    assert_eq!(done.inputs, None);
    assert_eq!(done.batch.schemas.len(), done.schemas_given);
}

#[test]
fn only_what_changed_counts_as_changed() {
    let done = run(vec![step("test.Double")], &numbers(&[1, 2]));
    assert!(done.changed.values);
    assert!(!done.changed.keys && !done.changed.topics && !done.changed.headers);
    assert_eq!(values(&done.batch), [2.into(), 4.into()]);
}

#[test]
fn a_predicate_selects_the_records_of_a_step() {
    let steps = vec![
        when_odd("test.Double", false),
        when_odd("test.TopicToKey", true),
    ];
    let done = run(steps, &numbers(&[1, 2, 3]));
    assert_eq!(values(&done.batch), [2.into(), 2.into(), 6.into()]);
    let keys: Vec<Value> = records(&done.batch)
        .map(|record| record.unwrap().key)
        .collect();
    assert_eq!(keys, ["t".into(), "t".into(), "t".into()]);

    let done = run(vec![when_odd("test.TopicToKey", false)], &numbers(&[1, 2]));
    let keys: Vec<Value> = records(&done.batch)
        .map(|record| record.unwrap().key)
        .collect();
    assert_eq!(keys, ["t".into(), Value::Null]);
}

#[test]
fn a_chain_reads_what_its_steps_and_predicates_read() {
    let nothing = chain(vec![step("test.TopicToKey")]).reads();
    let map_shapes = true;
    assert_eq!(
        nothing,
        Reads {
            map_shapes,
            ..Reads::NONE
        }
    );
    let reads = chain(vec![when_odd("test.TopicToKey", false)]).reads();
    assert_eq!(
        reads,
        Reads {
            keys: true,
            values: true,
            headers: false,
            map_shapes: false
        }
    );
}

#[test]
fn who_takes_no_shapes_gets_none_wherever_they_were_made() {
    let [shapes, none, key] = ["test.Shapes", "test.TakesNoShapes", "test.TopicToKey"].map(step);
    for steps in [
        vec![shapes.clone(), none.clone(), none.clone()],
        vec![none.clone(), shapes.clone(), none.clone(), none.clone()],
        vec![none.clone(), shapes.clone(), key.clone(), none.clone()],
        vec![none.clone(), key.clone(), none.clone(), shapes.clone()],
    ] {
        let done = run(steps, &numbers(&[1, 2]));
        assert_eq!(done.errors, []);
        let map = Value::Map(vec![("a".into(), 0_i64.into())]);
        assert_eq!(values(&done.batch), [map.clone(), map]);
    }
    // What the host gives may have shapes from the beginning on.
    let mut given = chain(vec![shapes]).apply(batch_of(&numbers(&[1]))).unwrap();
    assert!(given.batch.has_map_shapes());
    given = chain(vec![key, none]).apply(given.batch).unwrap();
    assert_eq!(given.errors, []);
}

#[test]
fn failures_name_the_record_given_and_the_step() {
    let mut records = numbers(&[1, 2, 3]);
    records[0].value = Value::Null;
    records[2].value = "x".into();
    let done = run(vec![step("test.Double"), step("test.Nothing")], &records);
    assert_eq!(done.inputs, Some(vec![1]));
    let found: Vec<_> = done
        .errors
        .iter()
        .map(|error| (error.index, error.step))
        .collect();
    assert_eq!(found, [(2, 0)]);

    records[2] = Record::new("bad", 3);
    let done = run(vec![step("test.Double"), step("test.Rename")], &records);
    let found: Vec<_> = done
        .errors
        .iter()
        .map(|error| (error.index, error.step))
        .collect();
    assert_eq!(found, [(2, 1)]);
    assert_eq!((done.batch.count, done.batch.topic(0)), (1, "t-x"));
}

#[test]
fn one_record_may_become_many_and_fails_as_one() {
    let mut many = step("test.Double");
    many.config = vec![("times".to_owned(), "2".to_owned())];
    let done = run(vec![many.clone()], &numbers(&[1, 5]));
    assert_eq!(done.inputs, Some(vec![0, 0, 1, 1]));
    assert_eq!(
        values(&done.batch),
        [2.into(), 2.into(), 10.into(), 10.into()]
    );

    let given = [Record::new("bad", 1), Record::new("t", 2)];
    let done = run(vec![many, step("test.Rename")], &given);
    assert_eq!(done.inputs, Some(vec![1, 1]));
    assert_eq!(done.errors.len(), 1);
}

#[test]
fn topics_are_renamed_where_the_predicate_holds() {
    let given = [
        Record::new("a", 1),
        Record::new("a", 2),
        Record::new("b", 3),
    ];
    let done = run(vec![when_odd("test.Rename", false)], &given);
    let topics: Vec<&str> = (0..3).map(|index| done.batch.topic(index)).collect();
    assert_eq!(topics, ["a-x", "a", "b-x"]);
}

#[test]
fn a_plugin_is_found_by_alias_and_an_unknown_one_is_said() {
    let plugins = ComponentPlugins::plugins();
    assert!(plugins.transform("Double", vec![]).is_ok());
    let error = plugins.transform("test.Odd", vec![]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    let issues = plugins.validate("test.Double", vec![("times".to_owned(), "99".to_owned())]);
    assert_eq!(issues.len(), 1);
    // What the definition alone shows is not said twice.
    let issues = plugins.validate("test.Double", vec![("times".to_owned(), "x".to_owned())]);
    assert_eq!(issues, []);
}

#[test]
fn large_records_before_many_small_ones_take_no_room_for_all() {
    let mut given = Batch {
        count: 5_000,
        topics: vec!["t".to_owned()],
        ..Batch::default()
    };
    for index in 0..given.count {
        let value = vec![1; if index < 40 { 100_000 } else { 2 }];
        given.values.push(Some(&value));
    }
    let (bytes, lengths) = (given.values.bytes.len(), given.values.lengths.clone());
    let mut batch = TransformBatch::new(given);
    batch.rewrite(Side::Value, |row, _, out| {
        out.extend_from_slice(row.value.unwrap());
        Ok(Edit::Written(NO_SCHEMA))
    });
    let values = &batch.batch().values;
    assert_eq!((values.bytes.len(), &values.lengths), (bytes, &lengths));
    assert!(values.bytes.capacity() < 4 * bytes);
}

/// Gives headers of another value for each record: keeps, renames, refuses.
fn rewrite(batch: &mut TransformBatch) {
    batch.rewrite_headers(|row, headers, schemas, out| {
        let text = schemas.index(&Schema::new(SchemaType::String).to_encoded());
        match View::read(row.value.unwrap_or(&[0]))? {
            View::Int32(0) => Ok(HeaderEdit::Unchanged),
            View::Int32(1) => {
                for header in headers.iter().filter(|header| header.key != b"a") {
                    out.keep(header);
                }
                out.push("new", Some(&Value::from("x").to_encoded()), text);
                Ok(HeaderEdit::Written)
            }
            View::Int32(2) => {
                out.push("lost", None, NO_SCHEMA);
                Ok(HeaderEdit::Unchanged)
            }
            View::Int32(3) => {
                (0..=256).for_each(|_| out.push("many", None, NO_SCHEMA));
                Ok(HeaderEdit::Written)
            }
            _ => {
                out.push("lost", None, NO_SCHEMA);
                Err(Error::data("refused"))
            }
        }
    });
}

/// Rewrites headers.
struct Rewrite;

impl Transform for Rewrite {
    fn describe() -> Description {
        Description::new("test.Rewrite").alias("Rewrite")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        rewrite(batch);
        Ok(())
    }
}

fn with_headers(number: i32, names: &[&str]) -> Record {
    let header = |name: &&str| Header {
        key: (*name).to_owned(),
        value: Value::Int32(number),
        schema: None,
    };
    Record {
        headers: names.iter().map(header).collect(),
        ..Record::new("t", number)
    }
}

#[test]
fn headers_are_rewritten_in_their_columns() {
    let given = [
        with_headers(0, &["a", "b"]),
        with_headers(2, &["c"]),
        with_headers(1, &["a", "b"]),
        with_headers(9, &["d"]),
        with_headers(0, &[]),
        with_headers(3, &["d"]),
        with_headers(1, &["a"]),
        with_headers(2, &["a", "e"]),
    ];
    let mut chain = Chain::of(Box::new(Rewrite));
    let done = chain.apply(batch_of(&given)).unwrap();
    done.batch.check().unwrap();
    assert!(done.changed.headers && !done.changed.values);
    assert_eq!(done.inputs, Some(vec![0, 1, 2, 4, 6, 7]));
    let errors: Vec<&str> = done.errors.iter().map(|e| e.error.message()).collect();
    assert_eq!(
        errors,
        [
            "refused",
            "a record has 257 headers; at most 256 are allowed"
        ]
    );
    let outputs: Vec<Record> = records(&done.batch).map(Result::unwrap).collect();
    let new = Header {
        key: "new".to_owned(),
        value: "x".into(),
        schema: Some(Arc::new(Schema::new(SchemaType::String))),
    };
    assert_eq!(outputs[0], given[0]);
    assert_eq!(outputs[1], given[1]);
    assert_eq!(
        outputs[2].headers,
        [given[2].headers[1].clone(), new.clone()]
    );
    assert_eq!(outputs[3], given[4]);
    assert_eq!(outputs[4].headers, [new]);
    assert_eq!(outputs[5], given[7]);
}

#[test]
fn headers_that_stay_do_not_count_as_changed() {
    let given = [with_headers(0, &["a"]), with_headers(2, &["b"])];
    let done = Chain::of(Box::new(Rewrite))
        .apply(batch_of(&given))
        .unwrap();
    assert!(!done.changed.headers && done.errors.is_empty());
    let outputs: Vec<Record> = records(&done.batch).map(Result::unwrap).collect();
    assert_eq!(outputs, given);
}

/// Sends records to the topic of their number; none goes to its own.
struct Route;

impl Transform for Route {
    fn describe() -> Description {
        Description::new("test.Route")
    }

    fn configure(_: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.route(|row, name| {
            match View::read(row.value.unwrap_or(&[0]))? {
                View::Int32(9) => return Err(Error::data("refused")),
                View::Int32(8) => name.push(0xff),
                View::Int32(number) => name.extend_from_slice(format!("t{number}").as_bytes()),
                _ => name.extend_from_slice(row.topic().as_bytes()),
            }
            Ok(())
        });
        Ok(())
    }
}

#[test]
fn records_are_sent_to_topics_of_their_own() {
    let given = [1, 2, 9, 1, 8, 2].map(|number| Record::new("t2", number));
    let mut chain = Chain::of(Box::new(Route));
    let done = chain.apply(batch_of(&given)).unwrap();
    done.batch.check().unwrap();
    let topics: Vec<String> = records(&done.batch).map(|r| r.unwrap().topic).collect();
    assert_eq!(topics, ["t1", "t2", "t1", "t2"]);
    assert_eq!(done.batch.topics, ["t2", "t1"]);
    assert_eq!(done.inputs, Some(vec![0, 1, 3, 5]));
    let none = chain
        .apply(batch_of(&[Record::new("t", Value::Null)]))
        .unwrap();
    assert!(done.changed.topics && !none.changed.topics);
}
