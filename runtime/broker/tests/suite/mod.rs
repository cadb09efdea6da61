//! What both brokers promise. Each case is a function of a broker; `embedded.rs` and `kafka.rs` run them all.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod fixture;
mod paused;
mod positions;
mod records;
mod seen;
mod subscriptions;
mod topics;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use fixture::*;
pub use paused::*;
pub use positions::*;
pub use records::*;
pub use seen::*;
pub use subscriptions::*;
use tidegate_broker::{Acknowledge, BrokerError, Consumer, Fetched, Properties};
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition};
pub use topics::*;

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Makes one test of each case.
macro_rules! cases {
    ($($case:ident)*) => {
        $(#[test] fn $case() { crate::with_broker(suite::$case); })*
    };
}

pub(crate) use cases;

/// All cases, as tests of the file that says so.
macro_rules! all_cases {
    () => {
        suite::cases! {
            records_come_back_in_order_with_offsets
            every_field_comes_back_as_it_was
            keyed_records_go_where_kafka_puts_them
            records_without_key_of_a_batch_stay_together
            each_group_is_acknowledged_once
            groups_without_records_are_acknowledged
            a_large_batch_is_written_and_read
            a_record_that_is_too_large_is_refused
            the_others_of_a_group_are_written_when_a_record_is_refused
            a_topic_that_allows_less_than_a_batch_takes_all_records_that_fit
            a_null_key_is_refused_in_a_compacted_topic
            the_last_value_of_a_key_is_kept_in_a_compacted_topic
            a_group_goes_on_where_it_committed
            a_group_that_committed_nothing_starts_at_the_beginning
            a_consumer_reads_several_topics
            a_consumer_follows_a_pattern
            a_consumer_follows_a_pattern_that_nothing_matches_yet
            a_consumer_wakes_up_for_new_records
            two_consumers_share_the_partitions
            partitions_move_only_after_they_were_released
            a_consumer_that_leaves_gives_its_partitions_to_the_other
            a_consumer_that_lost_a_partition_cannot_commit_it
            a_consumer_goes_to_a_position
            a_seek_outdates_what_was_read_ahead
            a_fetch_keeps_to_its_limits
            an_assigned_partition_comes_back_without_old_records
            lag_is_what_is_not_fetched
            a_paused_consumer_gets_no_records_and_misses_none
            a_paused_consumer_takes_part_in_rebalances
            a_reader_reads_all_partitions_from_the_beginning
            a_topic_is_created_once_and_described
            what_kafka_refuses_is_refused
            writing_creates_a_topic
            a_group_is_forgotten_when_it_has_no_members
            positions_of_a_group_without_members_are_altered
            the_cluster_has_an_id
            dangerous_settings_are_refused_by_name
        }
    };
}

pub(crate) use all_cases;
