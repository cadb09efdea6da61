//! Texts and names as Java has them: numbers (of the model), dates, and the names of the classes that Kafka Connect's messages mention.

use tidegate_model::View;
pub(crate) use tidegate_model::java::{double, float};

use crate::calendar::Moment;

/// Appends a moment as `java.util.Date.toString` prints it in UTC: `Sun Jan 11 00:00:00 UTC 1970`.
pub(crate) fn date(milliseconds: i64, out: &mut Vec<u8>) {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let moment = Moment::of(milliseconds);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index).copied())
            .unwrap_or_default()
    };
    let (hour, minute, second, _) = moment.clock();
    let text = format!(
        "{} {} {:02} {hour:02}:{minute:02}:{second:02} UTC {:04}",
        name(&WEEKDAYS, moment.weekday),
        name(&MONTHS, moment.month - 1),
        moment.day,
        moment.year
    );
    out.extend_from_slice(text.as_bytes());
}

/// The Java class of a value, as Kafka Connect's messages print it.
pub(crate) fn class_name(view: &View<'_>) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_java_prints_them() {
        let mut out = Vec::new();
        date(864_000_000, &mut out);
        assert_eq!(out, b"Sun Jan 11 00:00:00 UTC 1970");
    }
}
