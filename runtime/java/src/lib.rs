//! Texts as Java and Kafka Connect write and read them. Converters and transforms share them; this crate knows the
//! model alone and runs in components too.
//!
//! | module | what |
//! | --- | --- |
//! | [`number`] | floating point numbers as `Double.toString` and `Float.toString` print them |
//! | [`parse`] | numbers as `Long.parseLong` and `Double.parseDouble` read them |
//! | [`decimal`] | decimals as `BigDecimal` prints and reads them |
//! | [`decimal_number`] | decimals as the numbers that `BigDecimal` makes of them |
//! | [`calendar`] | days and milliseconds as calendar dates |
//! | [`historic`] | the calendar before 1582 |
//! | [`date_format`] | dates by a pattern, as `SimpleDateFormat` prints and reads them |
//! | [`date`] | dates as `java.util.Date.toString` prints them |
//! | [`regex`] | regular expressions as `java.util.regex` matches them |
//! | [`to_string`] | values as Java's `toString` prints them: `{k=v}` |
//! | [`values`] | Kafka Connect's `Values`: values as text and back, with a guess at their type |
//! | [`class_name`] | the names of Java's classes |

pub mod calendar;
pub mod class_name;
pub mod date;
pub mod date_format;
pub mod decimal;
pub mod decimal_number;
mod error;
pub mod historic;
pub mod number;
pub mod parse;
pub mod regex;
pub mod to_string;
pub mod values;

pub use error::TextError;
