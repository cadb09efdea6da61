//! What transforms did in a run, as a table.

use serde_json::{Value, json};
use tidegate_herder::Moved;
use tidegate_worker::progress::TransformCounts;

use crate::output::{drawn, number};

/// How wide the table may be.
const WIDTH: u16 = 100;

/// The table; `None` where no transform was applied to a record.
pub fn transform_table(connectors: &[Moved]) -> Option<String> {
    let used = |moved: &Moved| {
        moved
            .transforms
            .iter()
            .any(|transform| transform.records > 0)
    };
    let rows: Vec<_> = connectors
        .iter()
        .filter(|moved| used(moved))
        .flat_map(|moved| {
            moved
                .transforms
                .iter()
                .map(move |counts| row(moved, counts))
        })
        .collect();
    let headings = [
        "connector",
        "transform",
        "records",
        "µs/record",
        "failed",
        "dropped",
    ];
    (!rows.is_empty()).then(|| drawn(headings, rows, 2, Some(WIDTH)))
}

fn row(moved: &Moved, counts: &TransformCounts) -> [String; 6] {
    [
        moved.connector.clone(),
        counts.alias.to_string(),
        number(counts.records),
        each(counts).unwrap_or_else(|| "-".to_owned()),
        number(counts.failed),
        number(counts.dropped),
    ]
}

/// Microseconds for a record, to the nanosecond.
fn each(counts: &TransformCounts) -> Option<String> {
    let nanoseconds = counts.nanoseconds.checked_div(counts.records)?;
    Some(format!(
        "{}.{:03}",
        nanoseconds / 1_000,
        nanoseconds % 1_000
    ))
}

/// The same as JSON.
pub fn transforms_json(connectors: &[Moved]) -> Vec<Value> {
    let of = |moved: &Moved, counts: &TransformCounts| {
        json!({
            "connector": moved.connector, "transform": &*counts.alias, "records": counts.records,
            "nanoseconds": counts.nanoseconds, "failed": counts.failed, "dropped": counts.dropped,
        })
    };
    connectors
        .iter()
        .flat_map(|moved| moved.transforms.iter().map(move |counts| of(moved, counts)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_worker::progress::Counts;

    fn moved(records: u64) -> Moved {
        let counts = |alias: &str, records, nanoseconds| TransformCounts {
            alias: alias.into(),
            records,
            dropped: 7,
            failed: 1,
            nanoseconds,
        };
        Moved {
            connector: "c".to_owned(),
            sink: true,
            tasks: 1,
            failed: 0,
            restarting: 0,
            counts: Counts::default(),
            transforms: vec![
                counts("mask", records, records * 1_234),
                counts("route", 0, 5),
            ],
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_transform() {
        let table = transform_table(&[moved(1_500)]).unwrap();
        let lines: Vec<Vec<_>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[2], ["c", "mask", "1,500", "1.234", "1", "7"]);
        assert_eq!(lines[3], ["c", "route", "0", "-", "1", "7"]);
    }

    #[test]
    fn there_is_no_table_where_nothing_was_transformed() {
        assert_eq!(transform_table(&[moved(0)]), None);
        assert_eq!(transform_table(&[]), None);
    }
}
