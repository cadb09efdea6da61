//! The names of Java's classes, which Kafka Connect's messages mention.

use tidegate_model::View;

/// The Java class of a value, as Kafka Connect's messages print it.
#[must_use]
pub fn class_name(view: &View<'_>) -> &'static str {
    match view {
        View::Null => "null",
        View::Boolean(_) => "class java.lang.Boolean",
        View::Int8(_) => "class java.lang.Byte",
        View::Int16(_) => "class java.lang.Short",
        View::Int32(_) => "class java.lang.Integer",
        View::Int64(_) => "class java.lang.Long",
        View::Float32(_) => "class java.lang.Float",
        View::Float64(_) => "class java.lang.Double",
        View::String(_) => "class java.lang.String",
        View::Bytes(_) => "class [B",
        View::Array(_) => "class java.util.ArrayList",
        View::Map(_) => "class java.util.HashMap",
        View::Struct(_) => "class org.apache.kafka.connect.data.Struct",
        View::Date(_) | View::Time(_) | View::Timestamp(_) => "class java.util.Date",
        View::Decimal { .. } => "class java.math.BigDecimal",
    }
}
