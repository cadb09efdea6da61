//! Dates by a pattern, as `java.text.SimpleDateFormat` prints and reads them: in UTC, in English, with the lenient
//! calendar, whose weeks begin on Sunday.
//!
//! | letters | what |
//! | --- | --- |
//! | `G` | era: `AD` |
//! | `y`, `Y` | year, year of the week; `yy` has two digits, which are read as one of a hundred years |
//! | `M`, `L` | month: `7`, `07`, `Jul`, `July` |
//! | `w`, `W` | week of the year, of the month |
//! | `d`, `D` | day of the month, of the year |
//! | `F` | how many times the weekday has come in the month |
//! | `E`, `u` | weekday: `Tue`, `Tuesday`; its number, Monday is 1 |
//! | `a` | `AM`, `PM` |
//! | `H`, `k`, `K`, `h` | hour: 0 to 23, 1 to 24, 0 to 11, 1 to 12 |
//! | `m`, `s`, `S` | minute, second, millisecond |
//! | `z`, `Z`, `X` | time zone: `UTC`, `+0000`, `Z`; read as `GMT+2:00`, `+0200`, `+02:00` or a name |
//! | `'text'`, `''` | text as it is, a quote |
//!
//! Every letter that Java knows is supported; any other is refused when the pattern is compiled.
//!
//! A number has as many digits as there are letters, or more. Where numbers stand side by side, reading takes as
//! many characters as there are letters. Numbers may be out of range: 2024-02-30 is 1 March. Text after the end of
//! the pattern is ignored.
//!
//! Two things differ from Java. Of the names of time zones those are known whose meaning has not changed since 1990
//! ([`zones`]); a text with another does not match the pattern. And the zone of a text holds for that text, where a
//! `SimpleDateFormat` keeps it for what it prints afterwards.

mod fields;
mod fixed;
mod names;
mod number;
mod parse;
mod pattern;
mod print;
pub mod zones;

pub use pattern::{DATE_PATTERN_BYTES_MAX, PatternError};

use fixed::Fixed;
use pattern::Item;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct DateFormat {
    pattern: String,
    items: Vec<Item>,
    /// Reads texts of the pattern's own width sooner.
    fixed: Option<Fixed>,
    century: Century,
}

/// The hundred years that years of two digits are in.
#[derive(Debug, Clone, Copy)]
struct Century {
    /// Milliseconds since the epoch.
    start: i64,
    /// The year of the start.
    year: i32,
}

impl DateFormat {
    /// Compiles a pattern. The years of two digits that it reads are those from 80 years before `now`
    /// (milliseconds since the epoch) to 20 years after.
    ///
    /// # Errors
    /// When Java would refuse the pattern, or it is too long.
    pub fn compile(pattern: &str, now: i64) -> Result<Self, PatternError> {
        let items = pattern::compile(pattern)?;
        Ok(Self {
            fixed: Fixed::of(&items),
            items,
            pattern: pattern.to_owned(),
            century: Century::around(now),
        })
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}
