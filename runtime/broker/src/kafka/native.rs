//! librdkafka's own calls where the safe ones cost too much per message, or are missing: reading many messages in
//! one call, and hearing what a client has to say that nobody polls. The only module of this crate with `unsafe`.
//!
//! Invariants: the queue of a [`BatchConsumer`] and its messages end before its client; what a [`Taken`] borrows
//! outlives it. Called by `consumer` and `admin`; see docs/adr/0007-librdkafka-batches.md.
#![allow(
    unsafe_code,
    reason = "these calls of librdkafka have no safe form; docs/adr/0007"
)]

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::ControlFlow;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::ClientContext;
use rdkafka::bindings as sys;
use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::Notify;

/// The most messages that one call of librdkafka takes.
const CALL_RECORDS: usize = 256;

/// A consumer whose messages come through a queue of their own, many in one call.
///
/// Rebalances, errors and statistics still come when the client is polled, which has to go on.
pub struct BatchConsumer<C: ConsumerContext> {
    /// What was taken from the queue and not handed over; it comes first. At most one call's worth.
    left: VecDeque<Owned>,
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// What the queue's callback points to.
    wake: Arc<Notify>,
    client: BaseConsumer<C>,
}

// SAFETY: librdkafka's queues and clients may be used from any thread; the client says so of itself.
unsafe impl<C: ConsumerContext> Send for BatchConsumer<C> {}

impl<C: ConsumerContext> BatchConsumer<C> {
    /// Gives a client a queue for messages; `wake` is told when there are some after there were none.
    /// `None` when librdkafka cannot make one.
    pub fn new(client: BaseConsumer<C>, wake: Arc<Notify>) -> Option<Self> {
        // SAFETY: the client is valid while it is borrowed.
        let queue = NonNull::new(unsafe { sys::rd_kafka_queue_new(client.client().native_ptr()) })?;
        // SAFETY: the queue is valid. The callback gets `wake`, which this value keeps until `drop` has taken
        // the callback away.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(
                queue.as_ptr(),
                Some(woken),
                Arc::as_ptr(&wake).cast_mut().cast(),
            );
        }
        Some(Self {
            left: VecDeque::with_capacity(CALL_RECORDS),
            queue,
            wake,
            client,
        })
    }

    /// The client.
    pub fn client(&self) -> &BaseConsumer<C> {
        &self.client
    }

    /// Has the messages of a partition come through the queue from now on, in order with those that wait.
    /// It lasts until the partition is given up. Says whether librdkafka knows the partition.
    pub fn route(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else {
            return false;
        };
        let native = self.client.client().native_ptr();
        // SAFETY: client and name are valid during the call.
        let found = unsafe { sys::rd_kafka_queue_get_partition(native, topic.as_ptr(), partition) };
        let Some(found) = NonNull::new(found) else {
            return false;
        };
        // SAFETY: both queues are valid; the partition's counts the reference to ours and its own is given back.
        unsafe {
            sys::rd_kafka_queue_forward(found.as_ptr(), self.queue.as_ptr());
            sys::rd_kafka_queue_destroy(found.as_ptr());
        }
        true
    }

    /// Hands over what is in the queue, at most `records_max`, until it is empty or `each` breaks; says whether it is
    /// empty. The one at which `each` breaks is handed over, the next stays.
    pub fn take(
        &mut self,
        records_max: usize,
        mut each: impl FnMut(Taken<'_>) -> ControlFlow<()>,
    ) -> bool {
        let mut wanted = records_max;
        while wanted > 0 {
            let mut empty = false;
            if self.left.is_empty() {
                let asked = wanted.min(CALL_RECORDS);
                empty = self.refill(asked) < asked;
            }
            while let Some(message) = self.left.pop_front() {
                wanted = wanted.saturating_sub(1);
                if each(message.get()).is_break() || (wanted == 0 && !self.left.is_empty()) {
                    return empty && self.left.is_empty();
                }
            }
            if empty {
                return true;
            }
        }
        false
    }

    /// Forgets what was taken from the queue and not handed over, of partitions that were left or sought.
    pub fn forget(&mut self, gone: impl Fn(&str, i32) -> bool) {
        self.left.retain(|message| {
            let message = message.get();
            !gone(message.topic(), message.partition())
        });
    }

    /// Takes up to `count` messages from the queue; says how many there were.
    fn refill(&mut self, count: usize) -> usize {
        let mut messages = [ptr::null_mut(); CALL_RECORDS];
        let count = count.min(messages.len());
        // SAFETY: the queue is valid, and the array has room for `count` pointers.
        let found = unsafe {
            sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, messages.as_mut_ptr(), count)
        };
        let found = usize::try_from(found).unwrap_or(0);
        let owned = messages.iter().take(found).copied();
        // Each pointer belongs to the caller now, as `Owned` wants it.
        self.left.extend(owned.filter_map(NonNull::new).map(Owned));
        found
    }

    /// The offset after the last record of a partition, as the last answer of the broker had it; asks nobody.
    pub fn end(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client, name and the two numbers are valid during the call.
        let result = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.client.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        let known = result == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0;
        known.then_some(high)
    }
}

impl<C: ConsumerContext> Drop for BatchConsumer<C> {
    fn drop(&mut self) {
        self.left.clear();
        // SAFETY: the queue is valid and not used again. Taking the callback away waits for one that runs, since
        // both hold the queue's lock; only then `wake` goes. Whatever still comes for the queue is dropped by
        // librdkafka, and the client ends after it.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
        tracing::trace!(holders = Arc::strong_count(&self.wake), "a queue ended");
    }
}

/// The queue is no longer empty.
unsafe extern "C" fn woken(_client: *mut sys::rd_kafka_t, wake: *mut c_void) {
    // SAFETY: `BatchConsumer::new` passed its `Notify`, which lives while the callback is set.
    let wake = unsafe { &*wake.cast::<Notify>() };
    wake.notify_one();
}

/// A message that librdkafka gave away.
struct Owned(NonNull<sys::rd_kafka_message_t>);

impl Owned {
    fn get(&self) -> Taken<'_> {
        // SAFETY: the message is valid until `drop`, and nobody changes it.
        Taken(unsafe { self.0.as_ref() })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the message is ours and not used again; the client still lives (`BatchConsumer`).
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// A message, or an error in its place, during [`BatchConsumer::take`].
pub struct Taken<'a>(&'a sys::rd_kafka_message_t);

impl<'a> Taken<'a> {
    /// The error, when it is one; it has no other fields then.
    pub fn error(&self) -> Option<RDKafkaErrorCode> {
        (self.0.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| self.0.err.into())
    }

    /// Where librdkafka has the topic, the same for all messages of one topic.
    pub fn topic_address(&self) -> usize {
        self.0.rkt as usize
    }

    /// The topic's name.
    pub fn topic(&self) -> &'a str {
        if self.0.rkt.is_null() {
            return "";
        }
        // SAFETY: the message keeps its topic, and a topic its name.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.0.rkt)) };
        name.to_str().unwrap_or_default()
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.0.partition
    }

    /// The offset.
    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    /// The timestamp, -1 for none.
    pub fn timestamp(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: message and `kind` are valid during the call.
        let time = unsafe { sys::rd_kafka_message_timestamp(self.0, &raw mut kind) };
        match kind {
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => -1,
            _ => time,
        }
    }

    /// The key.
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: a key that is not null has `key_len` bytes, which live as long as the message.
        unsafe { bytes(self.0.key, self.0.key_len) }
    }

    /// The value.
    pub fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: a value that is not null has `len` bytes, which live as long as the message.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    /// Hands over each header, its name as it is on the topic. A message without headers costs a look.
    pub fn each_header(&self, mut each: impl FnMut(&'a [u8], Option<&'a [u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: message and `headers` are valid during the call.
        let result = unsafe { sys::rd_kafka_message_headers(self.0, &raw mut headers) };
        if result != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers belong to the message; the three places are valid during the call.
            let result = unsafe {
                sys::rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                )
            };
            if result != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: librdkafka ends a name with a zero, and a value that is not null has `size` bytes; both live
            // as long as the message.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, size)) };
            each(name.to_bytes(), value);
        }
    }
}

/// Hands the log lines and errors that wait in a client's main queue to its context. For a client that nobody polls,
/// such as a manager's: `rdkafka` polls only the queue of its answers.
pub fn hear<C: ClientContext>(client: &Client<C>) {
    // SAFETY: the client is valid while it is borrowed. The queue is ours until it is destroyed below.
    let queue = unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) };
    // SAFETY: the queue is valid; an event is ours until it is destroyed.
    while let Some(event) = NonNull::new(unsafe { sys::rd_kafka_queue_poll(queue, 0) }) {
        // SAFETY: the event is valid until it is destroyed, and so are the texts that it gives.
        unsafe {
            hear_event(client.context().as_ref(), event.as_ptr());
            sys::rd_kafka_event_destroy(event.as_ptr());
        }
    }
    // SAFETY: nothing uses this reference to the queue any more.
    unsafe { sys::rd_kafka_queue_destroy(queue) };
}

/// # Safety
/// The event is valid.
unsafe fn hear_event<C: ClientContext>(context: &C, event: *mut sys::rd_kafka_event_t) {
    // SAFETY: the caller says that the event is valid; the texts live as long as it does.
    unsafe {
        match sys::rd_kafka_event_type(event) {
            sys::RD_KAFKA_EVENT_ERROR => {
                let error = KafkaError::Global(sys::rd_kafka_event_error(event).into());
                context.error(error, &text(sys::rd_kafka_event_error_string(event)));
            }
            sys::RD_KAFKA_EVENT_LOG => {
                let (mut facility, mut message, mut level) = (ptr::null(), ptr::null(), 0);
                let result = sys::rd_kafka_event_log(
                    event,
                    &raw mut facility,
                    &raw mut message,
                    &raw mut level,
                );
                if result == 0 {
                    // Finer than this nobody here tells them apart.
                    let level = match level {
                        ..=4 => RDKafkaLogLevel::Warning,
                        5..=6 => RDKafkaLogLevel::Info,
                        _ => RDKafkaLogLevel::Debug,
                    };
                    context.log(level, text(facility).trim(), text(message).trim());
                }
            }
            _ => {}
        }
    }
}

/// A text of librdkafka; null is empty.
///
/// # Safety
/// What is not null ends with a zero and lives for `'a`.
unsafe fn text<'a>(start: *const c_char) -> Cow<'a, str> {
    if start.is_null() {
        return Cow::Borrowed("");
    }
    // SAFETY: the caller says so.
    unsafe { CStr::from_ptr(start) }.to_string_lossy()
}

/// Bytes of librdkafka; null is `None`.
///
/// # Safety
/// What is not null has `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller says so.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}
