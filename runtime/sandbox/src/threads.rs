//! The threads that guests run on.
//!
//! A thread whose guest computes for long is made less urgent than all others ([`yield_to_others`]). Without
//! privileges that cannot be taken back, so such a thread is not used again: it ends with what it was at, and the
//! next piece of work has a new one. All others wait for work, the last one first, and end when none comes.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder};
use std::time::Duration;

use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::Handle;

use crate::error::SandboxError;

/// How much less urgent a thread is whose guest computes for long: where both want a core, the kernel gives it a tenth.
const LESS_URGENT: i32 = 10;
/// How long a thread waits for work before it ends.
const IDLE_MAX: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

/// Threads for guests; cheap to clone.
#[derive(Clone, Default)]
pub struct GuestThreads(Arc<Mutex<Vec<Idle>>>);

/// A thread that waits for work.
struct Idle {
    id: thread::ThreadId,
    work: SyncSender<Work>,
}

/// What a thread is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// Somebody else's: it stays as it is.
    Foreign,
    /// For guests, and as urgent as others.
    Normal,
    /// For guests, and less urgent; what it was before.
    Less(i32),
}

thread_local! {
    static RANK: Cell<Rank> = const { Cell::new(Rank::Foreign) };
}

impl GuestThreads {
    /// Runs something on a thread for guests, with the async runtime of the caller at hand. Nothing waits for it here.
    ///
    /// # Errors
    /// When there is no thread and none can be made.
    pub fn run(&self, work: impl FnOnce() + Send + 'static) -> Result<(), SandboxError> {
        let runtime = Handle::try_current().ok();
        let mut work: Work = Box::new(move || {
            let _entered = runtime.as_ref().map(Handle::enter);
            work();
        });
        loop {
            let idle = self.idle().pop();
            let Some(idle) = idle else {
                return self.spawn(work);
            };
            match idle.work.send(work) {
                Ok(()) => return Ok(()),
                Err(ended) => work = ended.0,
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, first: Work) -> Result<(), SandboxError> {
        let threads = self.clone();
        let spawned = builder().spawn(move || {
            RANK.set(Rank::Normal);
            first();
            let (sender, next) = sync_channel(1);
            let id = thread::current().id();
            while RANK.get() == Rank::Normal {
                threads.idle().push(Idle {
                    id,
                    work: sender.clone(),
                });
                let work = match next.recv_timeout(IDLE_MAX) {
                    Ok(work) => work,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let mut idle = threads.idle();
                        let waiting = idle.iter().position(|idle| idle.id == id);
                        if let Some(index) = waiting {
                            idle.remove(index);
                            return;
                        }
                        drop(idle);
                        // Somebody has just taken it off the list, and sends work.
                        match next.recv() {
                            Ok(work) => work,
                            Err(_) => return,
                        }
                    }
                };
                work();
            }
        });
        spawned.map(drop).map_err(no_thread)
    }
}

/// Runs something on a thread for guests of its own, and waits for it.
///
/// # Errors
/// When no thread can be made, and what `work` says.
pub(crate) fn alone<T: Send>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send,
) -> Result<T, SandboxError> {
    if RANK.get() != Rank::Foreign {
        return work();
    }
    let runtime = Handle::try_current().ok();
    thread::scope(|scope| {
        let spawned = builder().spawn_scoped(scope, move || {
            RANK.set(Rank::Normal);
            let _entered = runtime.as_ref().map(Handle::enter);
            work()
        });
        let done = spawned.map_err(no_thread)?.join();
        done.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Makes this thread less urgent, if it is one for guests.
pub(crate) fn yield_to_others() {
    if RANK.get() != Rank::Normal {
        return;
    }
    let Ok(before) = getpriority_process(None) else {
        return;
    };
    if setpriority_process(None, before + LESS_URGENT).is_ok() {
        RANK.set(Rank::Less(before));
    }
}

/// The guest has ended its call: what follows is the host's work, and may hold what others wait for. Privileged
/// processes may make their threads as urgent as they were.
pub(crate) fn as_before() {
    if let Rank::Less(before) = RANK.get()
        && setpriority_process(None, before).is_ok()
    {
        RANK.set(Rank::Normal);
    }
}

/// Whether this thread is less urgent than others and stays so: what needs no guest, or another call, is better done
/// on another.
#[must_use]
pub fn is_spent() -> bool {
    matches!(RANK.get(), Rank::Less(_))
}

fn builder() -> Builder {
    Builder::new().name("tidegate-guest".to_owned())
}

fn no_thread(error: std::io::Error) -> SandboxError {
    SandboxError::Internal(format!("a thread for a guest cannot be started: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn ran_on(threads: &GuestThreads, work: impl FnOnce() + Send + 'static) -> thread::ThreadId {
        let (tell, told) = channel();
        threads
            .run(move || {
                work();
                tell.send(thread::current().id()).unwrap();
            })
            .unwrap();
        told.recv().unwrap()
    }

    fn wait_for_idle(threads: &GuestThreads) {
        while threads.idle().is_empty() {
            thread::yield_now();
        }
    }

    fn own_priority() -> i32 {
        getpriority_process(None).unwrap()
    }

    #[test]
    fn a_thread_is_used_again_unless_it_became_less_urgent() {
        let threads = GuestThreads::default();
        let first = ran_on(&threads, || {});
        wait_for_idle(&threads);
        let before = own_priority();
        let second = ran_on(&threads, move || {
            yield_to_others();
            assert_eq!(own_priority(), before + LESS_URGENT);
            assert!(is_spent());
        });
        assert_eq!(first, second);
        let third = ran_on(&threads, move || assert_eq!(own_priority(), before));
        assert_ne!(second, third);
    }

    #[test]
    fn a_thread_that_is_not_for_guests_stays_as_urgent_as_it_was() {
        let before = own_priority();
        yield_to_others();
        as_before();
        assert_eq!(own_priority(), before);
    }

    #[test]
    fn what_runs_alone_is_on_a_thread_for_guests() {
        let outside = thread::current().id();
        let inside = alone(|| {
            assert!(RANK.get() == Rank::Normal);
            let inner = alone(|| Ok(thread::current().id()))?;
            assert_eq!(inner, thread::current().id());
            Ok(inner)
        });
        assert_ne!(inside.unwrap(), outside);
    }
}
