//! What keeps guests that compute for long from taking the processor from those that answer.
//!
//! A call whose guest has computed for [`LONG_CALL_CPU`] is long, and one of a connector that owes much (`debt`) is so
//! from its beginning. Then, and at each tick of the clock behind deadlines, which the guest's own code looks at, it
//! comes to here and may be kept waiting:
//!
//! - Its thread is less urgent from then on (`threads`): the kernel runs it where nobody else wants a core.
//! - As many long calls run at a time as there are cores. The next to run is always that of the connector which owes the
//!   least, so one whose calls bring records waits for none that loops, and no connector gains by more tasks.
//! - A connector whose processor time is capped and used up waits until there is more.
//!
//! Calls that are not long never come here. What a call waits here, and for a core, is added to its deadline, up to
//! [`HELD_MAX`] in all; that of a guest which is only asked something is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::share::{Hold, Share};
use crate::threads;
use crate::ticker::TICK;
use crate::usage::{Usage, thread_time};

/// The processor time after which a call is long.
pub const LONG_CALL_CPU: Duration = Duration::from_millis(20);
/// The most that waiting adds to the deadline of a call.
pub const HELD_MAX: Duration = Duration::from_secs(60);

/// The places for long calls.
pub(crate) struct Gate {
    queue: Mutex<Queue>,
}

struct Queue {
    free: usize,
    waiting: Vec<Waiting>,
}

struct Waiting {
    share: Arc<Share>,
    /// Set when it has a place.
    admitted: Arc<AtomicBool>,
    thread: Thread,
}

impl Gate {
    /// A gate that lets so many long calls run at a time.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            queue: Mutex::new(Queue {
                free: places,
                waiting: Vec::new(),
            }),
        }
    }

    /// One for this machine.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(thread::available_parallelism().map_or(1, usize::from))
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place, at most until then. Whether there is one.
    fn enter(&self, share: &Arc<Share>, until: Instant) -> bool {
        let admitted = {
            let mut queue = self.queue();
            if queue.free > 0 {
                queue.free -= 1;
                return true;
            }
            queue.wait(share)
        };
        self.wait_for(&admitted, until)
    }

    /// Gives the place to a call whose connector owes less, if one waits, and waits for another. Whether there is one.
    fn stay(&self, share: &Arc<Share>, until: Instant) -> bool {
        let admitted = {
            let mut queue = self.queue();
            let own = share.debt.owed();
            let less = |waiting: &Waiting| waiting.share.debt.owed().saturating_add(TICK) < own;
            if !queue.waiting.iter().any(less) {
                return true;
            }
            queue.admit();
            queue.wait(share)
        };
        self.wait_for(&admitted, until)
    }

    fn leave(&self) {
        let mut queue = self.queue();
        if !queue.admit() {
            queue.free += 1;
        }
    }

    fn wait_for(&self, admitted: &Arc<AtomicBool>, until: Instant) -> bool {
        while !admitted.load(Ordering::Acquire) {
            let now = Instant::now();
            if now < until {
                thread::park_timeout(until - now);
                continue;
            }
            let mut queue = self.queue();
            let mut waiting = queue.waiting.iter();
            match waiting.position(|waiting| Arc::ptr_eq(&waiting.admitted, admitted)) {
                Some(index) => {
                    queue.waiting.remove(index);
                    return false;
                }
                // It was let in at the last moment.
                None => return true,
            }
        }
        true
    }
}

impl Queue {
    fn wait(&mut self, share: &Arc<Share>) -> Arc<AtomicBool> {
        let admitted = Arc::new(AtomicBool::new(false));
        self.waiting.push(Waiting {
            share: Arc::clone(share),
            admitted: Arc::clone(&admitted),
            thread: thread::current(),
        });
        admitted
    }

    /// Gives a place to the call whose connector owes the least, of those the one that waits longest. Whether there is
    /// one.
    fn admit(&mut self) -> bool {
        let waiting = self.waiting.iter().enumerate();
        let next = waiting.min_by_key(|(index, waiting)| (waiting.share.debt.owed(), *index));
        let Some((next, _)) = next else {
            return false;
        };
        let next = self.waiting.remove(next);
        next.admitted.store(true, Ordering::Release);
        next.thread.unpark();
        true
    }
}

/// A call into a guest, as the gate knows it.
pub(crate) struct Call {
    gate: Arc<Gate>,
    share: Arc<Share>,
    usage: Arc<Usage>,
    begun: Instant,
    cpu_begun: Duration,
    /// How long it may take, and how much of what it waits is added to that.
    limit: Duration,
    held_max: Duration,
    /// The processor time that its share knows of.
    counted: Duration,
    is_long: bool,
    /// How long it waited here.
    waited: Duration,
    /// How long its thread had waited for cores when the call became long.
    queued_before: Duration,
    has_place: bool,
}

impl Call {
    /// No call runs.
    pub(crate) fn none(gate: &Arc<Gate>, share: Arc<Share>, usage: Arc<Usage>) -> Self {
        Self {
            gate: Arc::clone(gate),
            share,
            usage,
            begun: Instant::now(),
            cpu_begun: Duration::ZERO,
            limit: Duration::ZERO,
            held_max: Duration::ZERO,
            counted: Duration::ZERO,
            is_long: false,
            waited: Duration::ZERO,
            queued_before: Duration::ZERO,
            has_place: false,
        }
    }

    /// A call begins on this thread. Until when it may go on. May take a while where its connector owes much.
    pub(crate) fn begin(&mut self, limit: Duration, held_max: Duration) -> Instant {
        self.begun = Instant::now();
        self.cpu_begun = thread_time();
        self.limit = limit;
        self.held_max = held_max;
        self.counted = Duration::ZERO;
        self.waited = Duration::ZERO;
        if self.share.debt.is_heavy() {
            self.held_back();
        }
        self.deadline()
    }

    /// After what time the call looks at the clock first.
    pub(crate) fn looks_after(&self) -> Duration {
        match self.is_long {
            true => Duration::ZERO,
            false => self.limit.min(LONG_CALL_CPU),
        }
    }

    /// The call has ended. How long it took, and how long the processor worked for it.
    pub(crate) fn end(&mut self) -> (Duration, Duration) {
        let cpu = self.count();
        if std::mem::take(&mut self.is_long) {
            self.leave();
            threads::as_before();
        }
        (self.begun.elapsed(), cpu)
    }

    /// A tick of the clock while the guest computes. Until when the call may go on; `None`: it has had its time.
    pub(crate) fn tick(&mut self) -> Option<Instant> {
        let cpu = self.count();
        if self.is_long || cpu >= LONG_CALL_CPU {
            self.held_back();
        }
        let deadline = self.deadline();
        (Instant::now() < deadline).then_some(deadline)
    }

    /// The guest waits inside the host, and leaves its place to others. When it goes on it asks for one again.
    pub(crate) fn leave(&mut self) {
        if std::mem::take(&mut self.has_place) {
            self.gate.leave();
        }
    }

    /// Counts what the call has used since it was counted last.
    fn count(&mut self) -> Duration {
        let cpu = thread_time().saturating_sub(self.cpu_begun);
        let more = cpu.saturating_sub(self.counted);
        self.counted = cpu;
        self.share.used_cpu(more);
        self.share.debt.add(more);
        cpu
    }

    fn held_back(&mut self) {
        if !std::mem::replace(&mut self.is_long, true) {
            self.queued_before = queued();
            threads::yield_to_others();
        }
        while let Some(until) = self.share.held_cpu() {
            self.leave();
            let begun = Instant::now();
            let late = self.latest();
            thread::sleep(until.min(late).saturating_duration_since(begun));
            self.waits(begun, Hold::Cpu);
            if until > late {
                return;
            }
        }
        let (begun, late) = (Instant::now(), self.latest());
        self.has_place = match self.has_place {
            true => self.gate.stay(&self.share, late),
            false => self.gate.enter(&self.share, late),
        };
        self.waits(begun, Hold::Fairness);
    }

    fn waits(&mut self, since: Instant, hold: Hold) {
        let waited = since.elapsed();
        self.waited += waited;
        self.usage.held(hold, waited);
    }

    /// What is added to its time, so far.
    fn held(&self) -> Duration {
        let queued = match self.is_long {
            true => queued().saturating_sub(self.queued_before),
            false => Duration::ZERO,
        };
        (self.waited + queued).min(self.held_max)
    }

    fn deadline(&self) -> Instant {
        self.begun + self.limit + self.held()
    }

    /// Until when it may be kept waiting now: what it waits adds to its time as long as it may.
    fn latest(&self) -> Instant {
        let left = self.deadline().saturating_duration_since(Instant::now());
        Instant::now() + left + self.held_max.saturating_sub(self.held())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.leave();
    }
}

/// How long this thread has waited for a core; zero where the system does not say.
fn queued() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let queued = stat.split_whitespace().nth(1);
    let queued = queued.and_then(|nanoseconds| nanoseconds.parse().ok());
    queued.map_or(Duration::ZERO, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const LATE: Duration = Duration::from_secs(30);

    fn share_of(owed_ms: u64) -> Arc<Share> {
        let share = Share::default();
        share.debt.add(Duration::from_millis(owed_ms));
        Arc::new(share)
    }

    /// A thread that waits for a place, and says so when it has one.
    fn waits(gate: &Arc<Gate>, share: &Arc<Share>) -> Receiver<bool> {
        let (tell, told) = channel();
        let before = gate.queue().waiting.len();
        let (of_thread, share) = (Arc::clone(gate), Arc::clone(share));
        thread::spawn(move || tell.send(of_thread.enter(&share, Instant::now() + LATE)));
        while gate.queue().waiting.len() == before {
            thread::yield_now();
        }
        told
    }

    #[test]
    fn the_connector_that_owes_the_least_is_next() {
        let gate = Arc::new(Gate::new(1));
        assert!(gate.enter(&share_of(0), Instant::now()));
        let much = waits(&gate, &share_of(500));
        let none = waits(&gate, &share_of(0));
        let same = waits(&gate, &share_of(0));
        for next in [none, same, much] {
            assert!(next.try_recv().is_err());
            gate.leave();
            assert_eq!(next.recv_timeout(LATE), Ok(true));
        }
        gate.leave();
        assert_eq!(gate.queue().free, 1);
    }

    #[test]
    fn a_call_goes_on_until_another_owes_less_by_a_tick() {
        let gate = Arc::new(Gate::new(1));
        let (own, other) = (share_of(30), share_of(25));
        assert!(gate.enter(&own, Instant::now()));
        let waiting = waits(&gate, &other);
        assert!(gate.stay(&own, Instant::now()), "so little is no reason");
        own.debt.add(TICK);
        assert!(!gate.stay(&own, Instant::now() + Duration::from_millis(20)));
        assert_eq!(waiting.recv_timeout(LATE), Ok(true));
        assert!(gate.queue().waiting.is_empty(), "who gave up waits no more");
    }

    fn work(time: Duration) {
        let begun = thread_time();
        while thread_time() - begun < time {
            std::hint::spin_loop();
        }
    }

    fn call(gate: &Arc<Gate>, share: &Arc<Share>) -> Call {
        Call::none(gate, Arc::clone(share), Arc::default())
    }

    #[test]
    fn a_short_call_is_never_kept_waiting() {
        let gate = Arc::new(Gate::new(0));
        let mut call = call(&gate, &Arc::default());
        call.begin(LATE, HELD_MAX);
        assert!(call.tick().is_some());
        work(LONG_CALL_CPU / 4);
        assert!(call.tick().is_some());
        assert_eq!(call.waited, Duration::ZERO);
    }

    #[test]
    fn waiting_is_added_to_the_deadline_up_to_a_limit() {
        let gate = Arc::new(Gate::new(0));
        let share = Arc::default();
        for held_max in [Duration::ZERO, Duration::from_millis(300)] {
            let mut call = call(&gate, &share);
            let limit = Duration::from_millis(200);
            let begun = Instant::now();
            call.begin(limit, held_max);
            work(LONG_CALL_CPU);
            assert_eq!(call.tick(), None, "there is no place");
            let took = begun.elapsed();
            assert!(took >= limit + held_max, "{took:?}");
            assert!(took < limit + held_max + LATE);
        }
    }

    #[test]
    fn a_short_call_of_a_connector_that_owes_much_takes_what_others_leave() {
        let gate = Arc::new(Gate::new(1));
        let share = share_of(200);
        let mut own = call(&gate, &share);
        own.begin(LATE, HELD_MAX);
        assert!(own.has_place && own.waited < LATE, "nobody else is there");
        assert_eq!(own.looks_after(), Duration::ZERO);
        let mut other = call(&gate, &share);
        let held_max = Duration::from_millis(50);
        let deadline = other.begin(Duration::from_millis(50), held_max);
        assert!(!other.has_place && other.waited >= held_max);
        assert!(deadline >= other.begun + held_max);
        own.end();
        // Its records account for what it computed.
        share.moved(2_000, 0);
        let mut own = call(&gate, &share);
        own.begin(LATE, HELD_MAX);
        assert!(!own.has_place && own.waited.is_zero());
        assert_eq!(own.looks_after(), LONG_CALL_CPU);
    }

    #[test]
    fn a_capped_connector_waits_for_its_time() {
        let gate = Arc::new(Gate::new(1));
        let share: Arc<Share> = Arc::default();
        share.cap(tidegate_config::caps::Caps {
            cpu_percent: Some(10),
            ..Default::default()
        });
        let mut call = call(&gate, &share);
        call.begin(LATE, HELD_MAX);
        // A tenth of a second is there at the beginning; the rest takes ten times as long.
        work(Duration::from_millis(130));
        assert!(call.tick().is_some());
        assert!(
            call.waited > Duration::from_millis(100),
            "{:?}",
            call.waited
        );
        call.end();
        assert_eq!(gate.queue().free, 1);
    }
}
