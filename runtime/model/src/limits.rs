//! Limits on what crosses a border. `docs/limits.md` lists each with its configuration key and its effect;
//! a test compares the two.

/// How deep values, schemas and JSON may nest.
pub const VALUE_DEPTH_MAX: usize = 64;
/// The most bytes of one record: key, value and headers together.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// The most headers of one record.
pub const RECORD_HEADERS_MAX: usize = 256;
/// The most records of one batch.
pub const BATCH_RECORDS_MAX: usize = 10_000;
/// The most bytes that one call may move from the host to a guest; a larger batch is split.
pub const CALL_BYTES_TO_GUEST_MAX: usize = 8 * 1024 * 1024;
/// The most bytes that one call may move from a guest to the host.
pub const CALL_BYTES_FROM_GUEST_MAX: usize = 16 * 1024 * 1024;
/// The most bytes that a batch may become in a run of transforms, all its parts together, and that the outputs of
/// one call may repeat of their inputs.
pub const APPLIED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most schemas of one batch.
pub const BATCH_SCHEMAS_MAX: usize = 10_000;
/// The most bytes of one encoded schema.
pub const SCHEMA_BYTES_MAX: usize = 1024 * 1024;
/// The most fields of one schema with all that is in it; elements, keys, values, parameters and the parts of
/// defaults count as well.
pub const SCHEMA_FIELDS_MAX: usize = 10_000;
/// The most keys of one map shape; a map with more has its keys itself.
pub const MAP_SHAPE_KEYS_MAX: usize = 1_000;
/// The most bytes of the keys of one map shape, as encoded texts.
pub const MAP_SHAPE_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of one encoded source partition or source offset.
pub const SOURCE_POSITION_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a topic's name (Kafka's own limit).
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// The most bytes of a topic in a guest's records. It need not be a name that Kafka allows: a later transform may
/// change it, and a sink may use it as it likes.
pub const TOPIC_TEXT_BYTES_MAX: usize = 1024;
/// The most bytes of a connector's name.
pub const CONNECTOR_NAME_BYTES_MAX: usize = 255;
/// The most bytes of an error message that is kept of a guest.
pub const GUEST_MESSAGE_BYTES_MAX: usize = 4096;
/// The most records of a task that may wait for the broker's acknowledgement.
pub const IN_FLIGHT_RECORDS_MAX: usize = 10_000;
/// The most bytes of a task that may wait for the broker's acknowledgement: of records, and of their source
/// partitions and offsets.
pub const IN_FLIGHT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most source partitions of a task that may have records which wait for the broker's acknowledgement.
pub const IN_FLIGHT_PARTITIONS_MAX: usize = 10_000;
/// The most source partitions of a task whose offsets may wait to be written.
pub const UNWRITTEN_PARTITIONS_MAX: usize = 10_000;
/// The most bytes that these source partitions and offsets may have.
pub const UNWRITTEN_BYTES_MAX: usize = 16 * 1024 * 1024;
