//! What a workload found, as names and numbers, on their way between processes.

use std::fmt;

use crate::store::Result;

/// Names and numbers.
#[derive(Debug, Default)]
pub struct Figures(Vec<(String, f64)>);

impl<const N: usize> From<[(&str, f64); N]> for Figures {
    fn from(figures: [(&str, f64); N]) -> Self {
        Self(figures.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

impl Figures {
    /// Reads what was printed.
    pub fn parse(text: &str) -> Result<Self> {
        let mut figures = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(' ').ok_or("a figure has no value")?;
            figures.0.push((name.to_owned(), value.parse()?));
        }
        Ok(figures)
    }

    /// A figure by its name.
    pub fn get(&self, name: &str) -> Result<f64> {
        let found = self.0.iter().find(|(other, _)| other == name);
        Ok(found.ok_or_else(|| format!("there is no {name}"))?.1)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            writeln!(formatter, "{name} {value}")?;
        }
        Ok(())
    }
}
