//! Memory and tables of a store, counted together.
//!
//! wasmtime's own `StoreLimits` compares each memory with the limit on its own, so that a component with many
//! memories gets many times the limit. Here the sum is compared.

use tidegate_config::guest_limits::GuestLimits;
use wasmtime::{Error, ResourceLimiter, Result};

/// The most core instances of a task: components are made of dozens (a language's runtime, adapters).
pub const CORE_INSTANCES_MAX: usize = 1_000;
/// The most linear memories of a task.
pub const MEMORIES_MAX: usize = 100;
/// The most tables of a task.
pub const TABLES_MAX: usize = 1_000;

/// What one store may hold and what it holds.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Sum,
    tables: Sum,
    /// The key that limits the memory.
    memory_key: &'static str,
}

#[derive(Debug)]
struct Sum {
    used: usize,
    max: usize,
    /// What the last growth added, in case the system refuses what we allowed.
    last: usize,
    refused: bool,
    /// How often it was, since that was last asked.
    refusals: u64,
}

impl Sum {
    fn new(max: usize) -> Self {
        Self {
            used: 0,
            max,
            last: 0,
            refused: false,
            refusals: 0,
        }
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let more = desired.saturating_sub(current);
        let sum = self.used.saturating_add(more);
        let allowed = sum <= self.max && maximum.is_none_or(|maximum| desired <= maximum);
        self.last = if allowed { more } else { 0 };
        if allowed {
            self.used = sum;
        }
        self.refused |= sum > self.max;
        self.refusals += u64::from(sum > self.max);
        allowed
    }

    fn take_back(&mut self) {
        self.used = self.used.saturating_sub(self.last);
        self.last = 0;
    }
}

impl Limiter {
    pub(crate) fn new(memory_bytes_max: usize, table_elements_max: usize) -> Self {
        Self {
            memory: Sum::new(memory_bytes_max),
            tables: Sum::new(table_elements_max),
            memory_key: "sandbox.memory.bytes.max",
        }
    }

    /// For a guest that is only asked about a configuration.
    pub(crate) fn of_question(limits: &GuestLimits) -> Self {
        let (all, asked) = (limits.memory_bytes_max, limits.validate_memory_bytes_max);
        let mut limiter = Self::new(all.min(asked), limits.table_elements_max);
        if asked < all {
            limiter.memory_key = "sandbox.validate.memory.bytes.max";
        }
        limiter
    }

    /// The bytes of all linear memories.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.used
    }

    /// How often more memory and more table elements were refused since this was last asked.
    pub(crate) fn take_refusals(&mut self) -> (u64, u64) {
        let take = |sum: &mut Sum| std::mem::take(&mut sum.refusals);
        (take(&mut self.memory), take(&mut self.tables))
    }

    /// What was refused so far, for the message of a trap that follows from it.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.memory.refused {
            let mib = self.memory.max / (1024 * 1024);
            Some(format!(
                "the guest asked for more than its {mib} MiB of memory; the limit is the key {}",
                self.memory_key
            ))
        } else if self.tables.refused {
            let max = self.tables.max;
            Some(format!(
                "the guest asked for more than its {max} table elements; the limit is the key sandbox.table.elements.max"
            ))
        } else {
            None
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        Ok(self.tables.grow(current, desired, maximum))
    }

    fn table_grow_failed(&mut self, _: Error) -> Result<()> {
        self.tables.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_summed() {
        let mut limiter = Limiter::new(100, 10);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.memory_bytes(), 100);
        assert!(limiter.refusal().unwrap().contains("memory"));
    }

    #[test]
    fn what_the_system_refuses_is_given_back() {
        let mut limiter = Limiter::new(100, 10);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        limiter.memory_grow_failed(Error::msg("no")).unwrap();
        assert_eq!(limiter.memory_bytes(), 0);
        // A refusal of ours is followed by the same notice and gives nothing back.
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(60, 200, None).unwrap());
        limiter.memory_grow_failed(Error::msg("no")).unwrap();
        assert_eq!(limiter.memory_bytes(), 60);
    }

    #[test]
    fn a_growth_beyond_the_declared_maximum_is_not_counted() {
        let mut limiter = Limiter::new(100, 10);
        assert!(!limiter.table_growing(0, 9, Some(8)).unwrap());
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
    }
}
