//! Tidegate: Kafka Connect's job, done with WebAssembly. This is the command line; `tidegate help` lists it.

mod access;
mod args;
mod consume;
mod failure;
mod faults;
mod output;
mod plugin_uploads;
mod plugins;
mod progress;
mod progress_line;
mod runtime;
mod standalone;
mod stop_signals;
mod topics;
mod traces;
mod transform_table;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};

/// librdkafka allocates each record on one thread and frees it on another, where the C library's allocator has
/// both wait for one lock. This one takes its place in C code too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The sandbox compiles plugins in a child process: this program with a hidden argument.
    if std::env::args().nth(1).as_deref() == Some(tidegate_sandbox::COMPILE_ARGUMENT) {
        return tidegate_sandbox::compile_child();
    }
    let arguments = Arguments::parse();
    output::start_logging();
    let json = arguments.command.fails_in_json();
    let done = match arguments.command {
        Command::Standalone(arguments) => standalone::run(&arguments),
        Command::Topics(arguments) => topics::run(&arguments),
        Command::Consume(arguments) => consume::run(&arguments),
        Command::Plugins(arguments) => match &arguments.action {
            Some(action) => plugin_uploads::run(action),
            None => plugins::run(&arguments),
        },
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Access(arguments) => access::run(&arguments),
    };
    done.map_or_else(|failure| failure.report(json), |()| ExitCode::SUCCESS)
}
