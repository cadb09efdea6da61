//! Batches that are too large for one call: divided, and put together again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use support::*;
use tidegate_config::guest_limits::GuestLimits;
use tidegate_model::limits::APPLIED_BYTES_MAX;
use tidegate_model::{Batch, ErrorClass};
use tidegate_sandbox::SandboxError;

const MIB: usize = 1024 * 1024;

/// Records of a MiB each, but a tenth that begins with `yes` and one of 9 MiB, the last.
fn large() -> Batch {
    let mut texts: Vec<String> = (0..20).map(|number| format!("no {number} ")).collect();
    for number in [0, 7, 19] {
        texts[number].insert_str(0, "yes");
    }
    for text in &mut texts {
        text.push_str(&"x".repeat(MIB));
    }
    texts.insert(13, "yes".repeat(3 * MIB));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut batch = batch(&texts);
    batch.keys = Default::default();
    batch
}

/// The rows of [`large`] without the one that is too large.
fn rest() -> Vec<u32> {
    (0..13).chain(14..21).collect()
}

#[test]
fn a_put_is_divided_and_one_record_that_is_too_large_is_an_error_of_its_own() {
    let plugin = plugin_with(GuestLimits::default());
    let given = large();
    let put = sink(&plugin, "TrapsOnLargeCalls").put(given.clone());
    assert!(put.ended.is_none(), "{:?}", put.ended);
    assert_eq!(put.answered, 21);
    assert!(put.batch == given);
    let [error] = put.errors.as_slice() else {
        panic!("{:?}", put.errors);
    };
    assert_eq!((error.index, error.class), (13, ErrorClass::Data));
    assert!(error.message.contains("8388608"), "{}", error.message);
}

#[test]
fn a_call_brings_what_the_limit_lets_it() {
    for (limit, least) in [(2 * MIB, MIB), (5 * MIB, 4 * MIB), (64 * MIB, 20 * MIB)] {
        let plugin = plugin_with(GuestLimits {
            call_input_bytes_max: limit,
            ..GuestLimits::default()
        });
        let put = sink(&plugin, "TellsLargestCall").put(large());
        let ended = put.ended.unwrap().to_string();
        let told = ended.split(" bytes in a call").next().unwrap();
        let told: usize = told.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((least..=limit).contains(&told), "{limit}: {ended}");
    }
}

#[test]
fn errors_of_a_divided_put_have_the_rows_of_the_whole() {
    let plugin = plugin_with(GuestLimits::default());
    let put = sink(&plugin, "RefusesSecond").put(large());
    let rows: Vec<usize> = put.errors.iter().map(|error| error.index).collect();
    assert_eq!(rows, [1, 8, 13, 15]);
}

#[test]
fn a_divided_put_that_ends_says_how_far_it_came() {
    let plugin = plugin_with(GuestLimits::default());
    let mut sink = plugin
        .sink(&identity(), "test.RetriesSomePuts", &Default::default())
        .unwrap();
    sink.start(&config(&[("retried", "2")])).unwrap();
    let put = sink.put(large());
    assert_eq!(put.answered, 7);
    assert_eq!(put.ended.unwrap().class(), ErrorClass::Retriable);
    assert_eq!(put.errors, [], "the one that is too large comes later");
    let rest: Vec<u32> = (7..21).collect();
    let put = sink.put(put.batch.select(&rest));
    assert_eq!((put.answered, put.errors.len()), (14, 1));
    assert!(put.ended.is_none(), "{:?}", put.ended);
}

#[test]
fn a_divided_batch_comes_back_from_a_transform_as_it_was() {
    let plugin = plugin_with(GuestLimits::default());
    let mut given = large();
    given.schemas = vec![vec![8, 0, 0, 0, 0], vec![7, 0, 0, 0, 0]];
    given.value_schemas = (0..21).map(|row| row % 2).collect();
    let applied = transform(&plugin, "TrapsOnLargeCalls", &[])
        .apply(given.clone())
        .unwrap();
    assert_eq!(applied.inputs, Some(rest()));
    assert!(applied.batch == given.select(&rest()));
    let [error] = applied.errors.as_slice() else {
        panic!("{:?}", applied.errors);
    };
    assert_eq!((error.index, error.step), (13, 0));
    let given = given.select(&rest());
    let applied = transform(&plugin, "TrapsOnLargeCalls", &[])
        .apply(given.clone())
        .unwrap();
    assert_eq!(applied.inputs, None, "every record is there");
    assert!(applied.batch == given);
}

#[test]
fn what_a_transform_does_not_read_does_not_divide_a_batch() {
    let plugin = plugin_with(GuestLimits::default());
    let mut transform = transform(&plugin, "TooManyOutputs", &[("reads", "nothing")]);
    let Err(SandboxError::Violation { message, .. }) = transform.apply(large()) else {
        panic!("too many outputs were taken");
    };
    assert!(message.contains("21 records"), "{message}");
}

#[test]
fn a_divided_batch_that_fails_is_given_back_whole() {
    let plugin = plugin_with(GuestLimits::default());
    let mut given = large();
    let at = given.values.bytes.len() - 10;
    given.values.bytes[at..at + 6].copy_from_slice(b"poison");
    let mut trapping = transform(&plugin, "TrapsOnPoison", &[]);
    assert!(trapping.apply(given.clone()).is_err());
    assert!(trapping.take_back() == Some(given));
}

#[test]
fn a_batch_grows_in_parts_and_not_without_end() {
    let plugin = plugin_with(GuestLimits::default());
    let grow = |records: usize, from: usize| {
        let texts = vec!["x".repeat(from); records];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut given = batch(&texts);
        given.keys = Default::default();
        transform(&plugin, "GrowsValues", &[("bytes", "1000000")]).apply(given)
    };
    let applied = grow(60, 600_000).unwrap();
    assert_eq!(applied.batch.count, 60);
    assert!(applied.batch.payload_bytes() > 60_000_000);
    match grow(70, 600_000) {
        Err(SandboxError::Violation { message, .. }) => {
            assert!(
                message.contains(&APPLIED_BYTES_MAX.to_string()),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_predicate_is_asked_in_parts() {
    let plugin = plugin_with(GuestLimits::default());
    let mut predicate = plugin
        .predicate(&identity(), "test.BeginsWithYes", &config(&[]))
        .unwrap();
    let tested = predicate.test(&large()).unwrap();
    let yes = tested.holds.iter().enumerate();
    let yes: Vec<usize> = yes
        .filter(|(_, holds)| **holds)
        .map(|(row, _)| row)
        .collect();
    assert_eq!(yes, [0, 7, 20]);
    assert_eq!(tested.holds.len(), 21);
    let [error] = tested.errors.as_slice() else {
        panic!("{:?}", tested.errors);
    };
    assert_eq!((error.index, error.class), (13, ErrorClass::Data));
}
