//! Random numbers that depend on a seed and a position only (SplitMix64).

/// A stream of numbers for one record.
#[derive(Debug, Clone)]
pub struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of the record at `position`.
    #[must_use]
    pub fn of(seed: i64, position: i64) -> Self {
        let mut of_seed = Self(seed.cast_unsigned());
        let base = of_seed.any();
        Self(base ^ position.cast_unsigned().wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        let product = (self.any() >> 32) * u64::from(end);
        u32::try_from(product >> 32).unwrap_or(0)
    }
}
