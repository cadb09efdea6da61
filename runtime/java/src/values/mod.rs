//! Kafka Connect's `Values`: values as text and back, with a guess at their type. Headers are written and read so,
//! and `InsertHeader` reads its value so.

mod parse;
mod print;
mod tokens;

pub use parse::{Parsed, parse};
pub use print::print;
