//! What the host lends to every component: its log, and how much time is left. Outside WebAssembly the lines are kept for the tests
//! ([`testing::log_lines`](crate::testing::log_lines)).

use std::time::Duration;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Data was lost or a person is needed.
    Error,
    /// Something is degraded, nothing lost.
    Warn,
    /// A state changed.
    Info,
    /// For the author of the plugin.
    Debug,
}

/// Writes a line to the worker's log, with the connector and task in front. The host cuts a line at 4 KiB and
/// drops more than 100 lines a second.
pub fn log(level: Level, message: &str) {
    write(level, message);
}

/// How long the call that runs may still take. The host ends the plugin after that, so whoever waits for somebody else
/// gives up a little earlier. Outside WebAssembly it is a minute.
#[must_use]
pub fn time_left() -> Duration {
    Duration::from_millis(time_left_ms().into())
}

#[cfg(target_arch = "wasm32")]
fn time_left_ms() -> u32 {
    crate::bindings::imports::tidegate::connect::host::time_left_ms()
}

#[cfg(not(target_arch = "wasm32"))]
fn time_left_ms() -> u32 {
    60_000
}

/// Data was lost or a person is needed.
pub fn error(message: impl AsRef<str>) {
    log(Level::Error, message.as_ref());
}

/// Something is degraded, nothing lost.
pub fn warn(message: impl AsRef<str>) {
    log(Level::Warn, message.as_ref());
}

/// A state changed.
pub fn info(message: impl AsRef<str>) {
    log(Level::Info, message.as_ref());
}

/// For the author of the plugin.
pub fn debug(message: impl AsRef<str>) {
    log(Level::Debug, message.as_ref());
}

/// Asks, in a source task, for [`SourceConnector::task_configs_of`](crate::SourceConnector::task_configs_of) to be called
/// again, as when tables were added. When its answer differs from the one before, the tasks commit and end, and start
/// with their new configurations. What is asked for within a second is one. Ask in
/// [`commit`](crate::SourceTask::commit), when the offsets are there from which the connector will know.
pub fn request_task_reconfiguration() {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::imports::tidegate::connect::task_reconfiguration::request();
}

#[cfg(target_arch = "wasm32")]
fn write(level: Level, message: &str) {
    use crate::bindings::imports::tidegate::connect::host;
    let level = match level {
        Level::Error => host::Level::Error,
        Level::Warn => host::Level::Warn,
        Level::Info => host::Level::Info,
        Level::Debug => host::Level::Debug,
    };
    host::log(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, message: &str) {
    crate::testing::keep_log_line(level, message);
}
