//! Which partition a keyed record goes to: the same as Kafka's default partitioner chooses.

/// The partition of a key among `partitions` of them.
pub fn partition_of_key(key: &[u8], partitions: i32) -> i32 {
    let positive = i32::from_ne_bytes(murmur2(key).to_ne_bytes()) & 0x7fff_ffff;
    positive.checked_rem(partitions).unwrap_or(0)
}

/// Murmur 2 with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut h = SEED ^ length;
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        let mut k = word
            .iter()
            .rev()
            .fold(0_u32, |k, byte| k << 8 | u32::from(*byte));
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        k = k.wrapping_mul(M);
        h = h.wrapping_mul(M);
        h ^= k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        h ^= rest
            .iter()
            .rev()
            .fold(0_u32, |k, byte| k << 8 | u32::from(*byte));
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_kafkas_own_tests() {
        // From org.apache.kafka.common.utils.UtilsTest.
        let known: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (
                b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            (b"abc", 479_470_107),
        ];
        for (text, hash) in known {
            assert_eq!(murmur2(text).cast_signed(), hash);
        }
    }

    #[test]
    fn a_partition_is_within_the_topic() {
        for key in 0_u32..1000 {
            assert!((0..7).contains(&partition_of_key(&key.to_be_bytes(), 7)));
        }
    }
}
