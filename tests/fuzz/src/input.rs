//! Reads structured inputs from bytes. At their end there are zeros for ever, so any bytes are an input.

/// Bytes that decide.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// All of the bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                *byte
            }
            None => 0,
        }
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = usize::from(self.byte());
        match end {
            0..=255 => number % end.max(1),
            _ => (number * 256 + usize::from(self.byte())) % end,
        }
    }

    /// One of two.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One in `of`, and never without bytes.
    pub fn seldom(&mut self, of: u8) -> bool {
        self.byte() % of == of - 1
    }

    /// One of these.
    pub fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.below(from.len())]
    }

    /// A number, small ones and those at the ends of the types more often.
    pub fn number(&mut self) -> i64 {
        match self.byte() % 6 {
            0 => 0,
            1 => i64::from(self.byte().cast_signed()),
            2 => i64::from(i16::from_le_bytes([self.byte(), self.byte()])),
            3 => i64::from(i32::from_le_bytes(self.array())),
            4 => i64::from_le_bytes(self.array()),
            _ => *self.pick(&[
                i64::MIN,
                i64::MAX,
                i64::from(i32::MIN),
                i64::from(i32::MAX),
                -1,
                86_400_000,
                1_700_000_000_000,
                -62_135_596_800_000,
            ]),
        }
    }

    /// So many bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// At most `max` bytes, after a byte that says how many.
    pub fn bytes(&mut self, max: usize) -> &'a [u8] {
        let wanted = self.below(max + 1).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(wanted);
        self.rest = rest;
        bytes
    }

    /// A text of at most `max` bytes, or a little more where they are not UTF-8.
    pub fn text(&mut self, max: usize) -> String {
        String::from_utf8_lossy(self.bytes(max)).into_owned()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
