//! HTTP sink: records go to a URL, several in a request.
//!
//! | module | what |
//! | --- | --- |
//! | [`settings`] | its configuration |
//! | [`sink`] | requests, what their answers mean, and trying again |
//! | [`json`] | values as JSON |

pub mod json;
pub mod settings;
pub mod sink;

pub use sink::HttpSink;

tidegate_sdk::export! { sinks: [HttpSink] }
