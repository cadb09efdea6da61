//! A source of made-up records: orders or users, the same ones for the same seed.
//!
//! Record number n depends on the seed and n alone, so a task that goes on from a committed position makes
//! exactly what it would have made without the break.
//!
//! | key | default | what |
//! | --- | --- | --- |
//! | `topic` | | the topic to write to |
//! | `quickstart` | `orders` | what to make: `orders` or `users` |
//! | `rate` | 0 | records a second; 0: as fast as possible |
//! | `records.max` | -1 | how many records in all, restarts included; -1: no end |
//! | `seed` | 0 | another seed makes other records |
//! | `schema.enable` | false | structs with a schema instead of maps without |
//!
//! The source partition is `{"topic": ..}`, the source offset `{"position": n}`: how many were made.

pub mod pace;
pub mod quickstart;
pub mod random;
pub mod source;

pub use source::DatagenSource;

tidegate_sdk::export! { sources: [DatagenSource] }
