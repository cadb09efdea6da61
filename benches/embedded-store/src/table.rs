//! Medians of what was measured, as a table in Markdown.

use std::collections::BTreeMap;
use std::fmt;

/// Samples by what was measured, in the order in which it came, and by store.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, BTreeMap<String, Vec<f64>>)>,
    kills: BTreeMap<String, Kills>,
}

#[derive(Debug, Default)]
struct Kills {
    count: u64,
    acknowledged: u64,
    lost: u64,
}

impl Table {
    /// Adds a sample.
    pub fn add(&mut self, what: &str, store: &str, value: f64) {
        let at = self.rows.iter().position(|(other, _)| other == what);
        let at = at.unwrap_or_else(|| {
            self.rows.push((what.to_owned(), BTreeMap::new()));
            self.rows.len() - 1
        });
        let samples = self.rows[at].1.entry(store.to_owned()).or_default();
        samples.push(value);
    }

    /// Adds a kill: how many records were acknowledged, and how many were found.
    pub fn killed(&mut self, store: &str, acknowledged: u64, found: u64) {
        let kills = self.kills.entry(store.to_owned()).or_default();
        kills.count += 1;
        kills.acknowledged += acknowledged;
        kills.lost += acknowledged.saturating_sub(found);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut stores: Vec<&String> = self.rows.iter().flat_map(|row| row.1.keys()).collect();
        stores.sort();
        stores.dedup();
        write!(formatter, "| median (least–most) |")?;
        stores
            .iter()
            .try_for_each(|store| write!(formatter, " {store} |"))?;
        writeln!(formatter, "\n| --- |{}", " --- |".repeat(stores.len()))?;
        for (what, samples) in &self.rows {
            write!(formatter, "| {what} |")?;
            for store in &stores {
                let cell = samples.get(*store).map(|values| cell(values));
                write!(formatter, " {} |", cell.unwrap_or_default())?;
            }
            writeln!(formatter)?;
        }
        writeln!(formatter)?;
        for (store, kills) in &self.kills {
            writeln!(
                formatter,
                "{store}: killed {} times; {} of {} acknowledged records lost",
                kills.count, kills.lost, kills.acknowledged
            )?;
        }
        Ok(())
    }
}

fn cell(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let digits = match median {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}
