//! librdkafka's own calls where the safe ones cost too much per message: reading many messages in one call, and
//! writing with a topic that was looked up once. The only module of this crate with `unsafe`.
//!
//! Invariants: the queue of a [`BatchConsumer`] ends before its client; what a [`Taken`] or a [`Topic`] borrows
//! outlives it. Called by `consumer` and `producer`; see docs/adr/0007-librdkafka-batches.md.
#![allow(
    unsafe_code,
    reason = "these calls of librdkafka have no safe form; docs/adr/0007"
)]

use std::ffi::{CStr, CString, c_int, c_void};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::IntoOpaque;
use tokio::sync::Notify;

/// The partition that stands for: the client chooses.
const PARTITION_ANY: i32 = -1;

/// A consumer whose messages come through a queue of their own, many in one call.
///
/// Rebalances, errors and statistics still come when the client is polled, which has to go on.
pub struct BatchConsumer<C: ConsumerContext> {
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

    /// Hands over what is in the queue until it is empty or `each` breaks; says whether it is empty. The one at
    /// which `each` breaks is taken, the next stays.
    pub fn take<F: FnMut(Taken<'_>) -> ControlFlow<()>>(&self, each: F) -> bool {
        let mut call = Call {
            each,
            client: self.client.client().native_ptr(),
            broken: false,
        };
        // SAFETY: the queue is valid. librdkafka calls `one::<F>` on this thread and only before it returns, so
        // that `call` outlives all its uses and nobody else has it.
        unsafe {
            sys::rd_kafka_consume_callback_queue(
                self.queue.as_ptr(),
                0,
                Some(one::<F>),
                (&raw mut call).cast(),
            );
        }
        !call.broken
    }

    /// The first offset of a partition and the one after its last record, as the last answer of the broker had
    /// them; asks nobody.
    pub fn watermarks(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
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
        let known = result == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && low >= 0 && high >= 0;
        known.then_some((low, high))
    }
}

impl<C: ConsumerContext> Drop for BatchConsumer<C> {
    fn drop(&mut self) {
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

struct Call<F> {
    each: F,
    client: *mut sys::rd_kafka_t,
    broken: bool,
}

/// One message of `take`. A panic in it ends the process, as the frames below are not Rust's.
unsafe extern "C" fn one<F: FnMut(Taken<'_>) -> ControlFlow<()>>(
    message: *mut sys::rd_kafka_message_t,
    call: *mut c_void,
) {
    // SAFETY: `take` passed a `Call<F>` that nobody else uses during the call.
    let call = unsafe { &mut *call.cast::<Call<F>>() };
    // SAFETY: librdkafka passes a valid message and destroys it after this returns.
    let message = unsafe { &*message };
    if (call.each)(Taken(message)).is_break() {
        call.broken = true;
        // SAFETY: sets a flag of this thread, upon which the dispatching call puts back what is left.
        unsafe { sys::rd_kafka_yield(call.client) };
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

/// Bytes of librdkafka; null is `None`.
///
/// # Safety
/// What is not null has `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller says so.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}

/// A topic of a producer, looked up once for many records.
pub struct Topic<'a> {
    topic: NonNull<sys::rd_kafka_topic_t>,
    client: *mut sys::rd_kafka_t,
    producer: PhantomData<&'a ()>,
}

/// A record without headers.
pub struct Record<'a> {
    /// The partition; the client chooses when there is none.
    pub partition: Option<i32>,
    /// The timestamp; now when there is none.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// What the acknowledgement brings back.
    pub ticket: usize,
}

impl<'a> Topic<'a> {
    /// Looks a topic up. `None` when its name is not allowed.
    pub fn of<C: ProducerContext<DeliveryOpaque = usize>>(
        producer: &'a BaseProducer<C>,
        name: &str,
    ) -> Option<Self> {
        let name = CString::new(name).ok()?;
        let client = producer.client().native_ptr();
        // SAFETY: client and name are valid during the call; without a configuration it takes the client's.
        let topic = unsafe { sys::rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut()) };
        Some(Self {
            topic: NonNull::new(topic)?,
            client,
            producer: PhantomData,
        })
    }

    /// Hands a record to the client, which copies it.
    ///
    /// # Errors
    /// The client's; `QueueFull` when it may be tried again.
    #[inline]
    pub fn send(&self, record: &Record<'_>) -> Result<(), RDKafkaErrorCode> {
        let parts = |bytes: Option<&[u8]>| {
            bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()))
        };
        let (key, key_length) = parts(record.key);
        let (value, value_length) = parts(record.value);
        // SAFETY: client and topic are valid; each tag is followed by what librdkafka's header says of it, the
        // last tag ends the list. With F_COPY nothing of key and value is kept. The ticket is a number.
        let result = unsafe {
            sys::rd_kafka_producev(
                self.client,
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT,
                self.topic.as_ptr(),
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
                record.partition.unwrap_or(PARTITION_ANY),
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                sys::RD_KAFKA_MSG_F_COPY as c_int,
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                value,
                value_length,
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
                key,
                key_length,
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_OPAQUE,
                record.ticket.into_ptr(),
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP,
                record.timestamp.unwrap_or(0),
                sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            )
        };
        match result {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            error => Err(error.into()),
        }
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        // SAFETY: valid and not used again; the producer, which is borrowed, outlives it.
        unsafe { sys::rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}
