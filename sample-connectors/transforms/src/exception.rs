//! The exceptions of Kafka Connect's transforms that are not its `DataException`: dead letters name them.

/// An argument that cannot be.
pub const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
/// A number that is out of range, such as that of a group.
pub const INDEX_OUT_OF_BOUNDS: &str = "java.lang.IndexOutOfBoundsException";
/// Something that is not there, and was not looked for.
pub const NULL_POINTER: &str = "java.lang.NullPointerException";
/// A schema that cannot be built.
pub const SCHEMA_BUILDER: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";
/// Any failure of Kafka Connect.
pub const CONNECT: &str = "org.apache.kafka.connect.errors.ConnectException";
