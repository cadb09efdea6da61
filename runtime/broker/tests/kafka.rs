//! The suite on Apache Kafka: `TIDEGATE_TEST_KAFKA=127.0.0.1:9092 cargo test -p tidegate-broker --test kafka`.
//! `tests/kafka/kafka.sh start DIR` starts one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod suite;

use suite::Fixture;
use tidegate_broker::{KafkaBroker, Properties};

fn with_broker(case: fn(&Fixture<'_>)) {
    let Ok(bootstrap) = std::env::var("TIDEGATE_TEST_KAFKA") else {
        eprintln!("left out: TIDEGATE_TEST_KAFKA=host:port is not set");
        return;
    };
    let none = Properties::new();
    let broker = KafkaBroker::connect(&bootstrap, &none, &none, &none, &none).unwrap();
    case(&Fixture::new(&broker));
}

suite::all_cases!();

#[test]
fn a_consumer_that_waits_for_its_group_is_closed_soon() {
    with_broker(suite::a_consumer_that_waits_for_its_group_is_closed_soon);
}

#[test]
fn a_paused_consumer_is_not_taken_for_dead() {
    with_broker(suite::a_paused_consumer_outlasts_the_longest_poll);
}
