//! A running guest: one store, one instance, one call at a time, and nothing after a fault.
//!
//! Every call sets the deadline, runs on the thread it is made on, and ends in one of three ways: an answer, an
//! error that the guest states, or a fault. After a fault the store is dropped at once (its memory is back with
//! the system) and each further call answers [`SandboxError::Dead`] with the first fault.

use std::borrow::Cow;
use std::sync::Arc;

use wasmtime::component::Instance;
use wasmtime::{Error, FrameInfo, Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use tidegate_config::Properties;
use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::secrets::Secrets;
use tidegate_model::ErrorClass;
use tidegate_model::guest_text::clean;
use tidegate_model::limits::GUEST_MESSAGE_BYTES_MAX;

use crate::bindings::types;
use crate::error::SandboxError;
use crate::host_functions::Ended;
use crate::incoming::Checks;
use crate::network::refusals::Refusal;
use crate::plugin::{Loaded, wire_config};
use crate::settings::Deadline;
use crate::shape::WORLD_VERSION;
use crate::state::{Purpose, State};
use crate::ticker::Ticker;

/// The most bytes of a line of a trace: a frame, whose name the guest chose.
const TRACE_LINE_BYTES_MAX: usize = 200;

/// A guest with the exports `E`.
pub(crate) struct Guest<E> {
    component: Arc<Loaded>,
    limits: GuestLimits,
    live: Option<Live<E>>,
    first_fault: String,
    secrets: Secrets,
}

struct Live<E> {
    store: Store<State>,
    exports: E,
    /// The bytes of its memories that are counted as used.
    counted: usize,
}

impl<E> Live<E> {
    /// Counts its memories as they are now.
    fn count_memory(&mut self) {
        let state = self.store.data();
        let bytes = state.limiter.memory_bytes();
        state.usage.resized(self.counted, bytes);
        self.counted = bytes;
    }
}

impl<E> Drop for Live<E> {
    fn drop(&mut self) {
        self.store.data().usage.resized(self.counted, 0);
    }
}

impl<E> Guest<E> {
    /// Instantiates a component. `load` finds the exports.
    pub(crate) fn new(
        component: &Arc<Loaded>,
        purpose: Purpose<'_>,
        load: impl FnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<E>,
    ) -> Result<Self, SandboxError> {
        let sandbox = &component.sandbox;
        let purpose = purpose.hides_what_it_hands_over();
        let identity = purpose.identity.as_ref();
        let secrets = identity.map_or_else(Secrets::default, |identity| identity.secrets.clone());
        let own = purpose.grants.map(|grants| grants.limits);
        let limits = sandbox.settings.limits.with(own.unwrap_or_default());
        let state = State::new(sandbox, &limits, purpose)?;
        let mut store = Store::new(&sandbox.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(|mut store| Ok(tick(store.data_mut())));
        store.set_hostcall_fuel(limits.call_bytes_max);
        store.set_max_component_handles(limits.handles_max);
        let exports = timed(
            component,
            &limits,
            &mut store,
            "instantiate",
            Deadline::Start,
            |store| {
                let instance = component.pre.instantiate(&mut *store)?;
                load(store, &instance).map_err(|error| {
                    wasmtime::Error::new(Ended::Unfit(
                        clean(&format!("{error:#}"), 500).into_owned(),
                    ))
                })
            },
        )?;
        let mut live = Live {
            store,
            exports,
            counted: 0,
        };
        live.count_memory();
        Ok(Self {
            component: Arc::clone(component),
            limits,
            live: Some(live),
            first_fault: String::new(),
            secrets,
        })
    }

    /// Calls the guest; the answer may be an error that it states.
    pub(crate) fn call<T>(
        &mut self,
        call: &'static str,
        deadline: Deadline,
        run: impl FnOnce(&E, &mut Store<State>) -> wasmtime::Result<Result<T, types::Error>>,
    ) -> Result<T, SandboxError> {
        match self.call_infallible(call, deadline, run)? {
            Ok(answer) => Ok(answer),
            Err(error) => Err(SandboxError::Guest {
                class: class(error.kind),
                message: self.message(&error.message),
            }),
        }
    }

    /// Calls a function of the guest that has no error in its type.
    pub(crate) fn call_infallible<T>(
        &mut self,
        call: &'static str,
        deadline: Deadline,
        run: impl FnOnce(&E, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, SandboxError> {
        let Some(live) = &mut self.live else {
            return Err(SandboxError::Dead {
                first: self.first_fault.clone(),
            });
        };
        let exports = &live.exports;
        let store = &mut live.store;
        let answer = timed(
            &self.component,
            &self.limits,
            store,
            call,
            deadline,
            |store| run(exports, store),
        );
        live.count_memory();
        answer.map_err(|fault| self.end(fault))
    }

    /// Ends the guest because of what it answered.
    pub(crate) fn violation(&mut self, call: &'static str, message: String) -> SandboxError {
        let message = self.secrets.redact(&message).into_owned();
        self.end(SandboxError::Violation { call, message })
    }

    /// Records of so many bytes are handed to it.
    pub(crate) fn gives(&self, bytes: usize) {
        if let Some(live) = &self.live {
            live.store.data().usage.gave(bytes);
        }
    }

    /// It handed over records of so many bytes.
    pub(crate) fn gave(&self, bytes: usize) {
        if let Some(live) = &self.live {
            live.store.data().usage.got(bytes);
        }
    }

    /// A text of the guest's, without secrets, cut and made safe.
    pub(crate) fn message(&self, text: &str) -> String {
        message(&self.secrets.redact(text))
    }

    /// Hides secrets in a text of the guest's.
    pub(crate) fn redact(&self, text: &mut String) {
        if let Cow::Owned(redacted) = self.secrets.redact(text) {
            *text = redacted;
        }
    }

    /// The most bytes that a call may hand to it.
    pub(crate) fn input_bytes_max(&self) -> usize {
        self.limits.call_input_bytes_max
    }

    /// What is checked of the records that it hands over.
    pub(crate) fn checks(&self) -> Checks {
        Checks::new(self.limits.record)
    }

    /// Whether a fault ended it.
    pub(crate) fn is_dead(&self) -> bool {
        self.live.is_none()
    }

    /// A configuration as the guest gets it: with handles in the place of secrets.
    pub(crate) fn config(&self, config: &Properties) -> types::Config {
        match &self.live {
            Some(live) => wire_config(&live.store.data().secrets.hidden(config)),
            None => Vec::new(),
        }
    }

    /// The bytes of its linear memories.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.live
            .as_ref()
            .map_or(0, |live| live.store.data().limiter.memory_bytes())
    }

    fn end(&mut self, fault: SandboxError) -> SandboxError {
        if let Some(live) = &self.live {
            live.store.data().usage.faulted();
        }
        self.live = None;
        self.first_fault = fault.to_string();
        fault
    }
}

/// The class of an error that a guest states.
pub(crate) fn class(kind: types::ErrorKind) -> ErrorClass {
    match kind {
        types::ErrorKind::Config => ErrorClass::Config,
        types::ErrorKind::Data => ErrorClass::Data,
        types::ErrorKind::Retriable => ErrorClass::Retriable,
        types::ErrorKind::Fatal => ErrorClass::Fatal,
    }
}

/// The message of an error that a guest states, cut and made safe.
pub(crate) fn message(text: &str) -> String {
    clean(text, GUEST_MESSAGE_BYTES_MAX).into_owned()
}

/// Runs something in a store with a deadline.
fn timed<T>(
    component: &Loaded,
    limits: &GuestLimits,
    store: &mut Store<State>,
    call: &'static str,
    deadline: Deadline,
    run: impl FnOnce(&mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T, SandboxError> {
    let limit = deadline.of(limits);
    let _running = component.sandbox.ticker.running();
    store.data_mut().begin(limit);
    store.set_epoch_deadline(Ticker::ticks(store.data().call.looks_after()));
    let done = run(store);
    let state = store.data_mut();
    let (time, cpu) = state.call.end();
    state.usage.called(time, cpu);
    let (memory, tables) = state.limiter.take_refusals();
    state.usage.refused(Refusal::Memory, memory);
    state.usage.refused(Refusal::Table, tables);
    done.map_err(|error| fault(&error, store, call, deadline, limit.as_millis()))
}

/// What becomes of a call at a tick of the clock. May take a while: calls that compute for long wait for others.
fn tick(state: &mut State) -> UpdateDeadline {
    match state.call.tick() {
        Some(deadline) => {
            state.set_deadline(deadline);
            UpdateDeadline::Continue(1)
        }
        None => UpdateDeadline::Interrupt,
    }
}

fn fault(
    error: &Error,
    store: &Store<State>,
    call: &'static str,
    deadline: Deadline,
    limit_ms: u128,
) -> SandboxError {
    let late = || SandboxError::Deadline {
        call,
        limit_ms: u64::try_from(limit_ms).unwrap_or(u64::MAX),
        key: deadline.key(),
        trace: trace(error),
    };
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return late();
    }
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return match ended {
            Ended::Waited => late(),
            Ended::Violation(message) => SandboxError::Violation {
                call,
                message: message.clone(),
            },
            Ended::Unfit(message) => SandboxError::Refused(format!(
                "the component's functions have other types than this worker's: {message}; it was built with another \
                 state of tidegate:connect@{WORLD_VERSION}, so build it again with the SDK of this worker"
            )),
            Ended::Unavailable(message) => SandboxError::Guest {
                class: ErrorClass::Retriable,
                message: message.clone(),
            },
        };
    }
    let mut message = match error.downcast_ref::<I32Exit>() {
        Some(exit) => format!("the guest ended itself with exit code {}", exit.0),
        None => clean(&error.root_cause().to_string(), GUEST_MESSAGE_BYTES_MAX).into_owned(),
    };
    if let Some(message) = exhausted(&message) {
        return SandboxError::Violation { call, message };
    }
    let state = store.data();
    if let Some(refusal) = state.limiter.refusal() {
        message = format!("{message}; {refusal}");
    }
    let words = state.log.take_last_words();
    if !words.is_empty() {
        message = format!("{message}; on standard error: {words}");
    }
    SandboxError::Trap {
        call,
        message,
        trace: trace(error),
    }
}

/// What wasmtime says when one of the limits that it keeps for us is hit, in our words.
fn exhausted(message: &str) -> Option<String> {
    let (what, key) = if message.contains("hostcalls has been exhausted") {
        (
            "more bytes at once than a guest may hand over",
            "sandbox.call.bytes.max",
        )
    } else if message.contains("resource table has no free keys") {
        (
            "more open files and streams than a guest may hold",
            "sandbox.resources.max",
        )
    } else {
        return None;
    };
    Some(format!("{what}; the limit is the key {key}"))
}

/// The frames of a trap: names as their authors wrote them, and offsets for `wasm-objdump`; the offsets alone, in one
/// line, where the component has no names.
fn trace(error: &Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let frames = backtrace.frames();
    if !frames.is_empty() && frames.iter().all(|frame| frame.func_name().is_none()) {
        let offsets = frames.iter().filter_map(FrameInfo::module_offset);
        let offsets: Vec<String> = offsets.map(|offset| format!("{offset:#x}")).collect();
        return format!(
            "\n    at {}; the component was built without the names of its functions",
            offsets.join(" < ")
        );
    }
    let text = backtrace.to_string();
    let mut lines = String::new();
    // The first line is wasmtime's heading.
    for line in text.lines().skip(1) {
        lines.push_str("\n    ");
        lines.push_str(&clean(line.trim(), TRACE_LINE_BYTES_MAX));
    }
    lines
}
