//! What the test guest's `BadBatch` can do wrong.

/// What a poll hands over that breaks the interface.
pub const BAD_BATCHES: [&str; 23] = [
    "count",
    "count-huge",
    "topic-index",
    "topic-name",
    "partition",
    "timestamp",
    "lengths",
    "negative-length",
    "value",
    "utf8",
    "deep",
    "large",
    "schema",
    "schema-index",
    "headers",
    "header-name",
    "no-partition",
    "partition-not-a-map",
    "partition-index",
    "partition-large",
    "offset-large",
    "offset-not-a-map",
    "offset-count",
];
