//! The digits of decimals: Java's numbers have no more bytes than the sign needs.

/// A number without the bytes that say nothing.
pub(super) fn shortest(mut unscaled: &[u8]) -> &[u8] {
    while let [first @ (0 | 0xff), next, ..] = unscaled
        && (*first == 0) == (*next < 0x80)
    {
        unscaled = unscaled.get(1..).unwrap_or_default();
    }
    unscaled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_stays() {
        for (given, wanted) in [
            (&[0, 0, 5][..], &[5][..]),
            (&[0, 0x80], &[0, 0x80]),
            (&[0xff, 0xff, 0x80], &[0x80]),
            (&[0xff, 0x7f], &[0xff, 0x7f]),
            (&[0, 0], &[0]),
            (&[0xff], &[0xff]),
            (&[], &[]),
        ] {
            assert_eq!(shortest(given), wanted);
        }
    }
}
