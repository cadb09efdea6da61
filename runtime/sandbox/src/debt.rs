//! What a connector's guests have computed of late beyond what its records account for.
//!
//! Each record that a connector moves pays for [`RECORD_PAYS`] of computing and its bytes for more, far above what work
//! takes. What is not paid is forgotten by and by: in [`FORGOTTEN_IN`] two thirds of it. So a connector whose guests
//! compute little owes little, whatever that is good for, and one whose records account for its computing owes nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The computing that a record pays for.
const RECORD_PAYS: Duration = Duration::from_micros(100);
/// The computing that a byte of a record pays for.
const BYTE_PAYS: Duration = Duration::from_nanos(10);
/// How long it takes until only the e-th part of a debt is left.
const FORGOTTEN_IN: Duration = Duration::from_secs(10);
/// A connector that owes more is heavy: one that goes on to compute unpaid for a hundredth of a core.
const DEBT_MAX: Duration = Duration::from_millis(100);

/// What a connector owes.
#[derive(Debug, Default)]
pub(crate) struct Debt(Mutex<Owed>);

#[derive(Debug)]
struct Owed {
    seconds: f64,
    at: Instant,
}

impl Default for Owed {
    fn default() -> Self {
        Self {
            seconds: 0.0,
            at: Instant::now(),
        }
    }
}

impl Owed {
    fn forget(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.seconds *= (-passed / FORGOTTEN_IN.as_secs_f64()).exp();
        self.at = now;
    }
}

impl Debt {
    fn now(&self) -> MutexGuard<'_, Owed> {
        let mut owed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owed.forget(Instant::now());
        owed
    }

    /// Its guests have computed.
    pub(crate) fn add(&self, time: Duration) {
        self.now().seconds += time.as_secs_f64();
    }

    /// Records were moved. Nothing is paid in advance.
    pub(crate) fn pay(&self, records: usize, bytes: usize) {
        let paid = RECORD_PAYS.as_secs_f64() * records as f64;
        let paid = paid + BYTE_PAYS.as_secs_f64() * bytes as f64;
        let mut owed = self.now();
        owed.seconds = (owed.seconds - paid).max(0.0);
    }

    /// What it owes.
    pub(crate) fn owed(&self) -> Duration {
        Duration::try_from_secs_f64(self.now().seconds).unwrap_or(Duration::MAX)
    }

    /// Whether it owes so much that its calls take what others leave.
    pub(crate) fn is_heavy(&self) -> bool {
        self.owed() > DEBT_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_pay_for_computing_and_nothing_is_paid_in_advance() {
        let debt = Debt::default();
        debt.pay(1_000_000, 1_000_000);
        debt.add(Duration::from_millis(250));
        assert!(debt.is_heavy());
        debt.pay(2_000, 0);
        assert!(!debt.is_heavy(), "{:?}", debt.owed());
        debt.add(Duration::from_millis(100));
        assert!(debt.is_heavy());
        debt.pay(1, 20_000_000);
        assert_eq!(debt.owed(), Duration::ZERO);
    }

    #[test]
    fn a_debt_is_forgotten_by_and_by() {
        let debt = Debt::default();
        debt.add(Duration::from_secs(1));
        let mut owed = debt.now();
        let later = owed.at + FORGOTTEN_IN;
        owed.forget(later);
        assert!((0.36..0.37).contains(&owed.seconds), "{}", owed.seconds);
        owed.forget(later + FORGOTTEN_IN * 2);
        assert!(owed.seconds < DEBT_MAX.as_secs_f64());
    }
}
