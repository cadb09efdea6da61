//! Keys of the embedded store.
//!
//! | keyspace | key | value |
//! | --- | --- | --- |
//! | records | topic id, partition, base offset; each big-endian | a chunk |
//! | meta | `f` | the format's number |
//! | meta | `c` | the cluster id |
//! | meta | `t` and the topic's name | the topic's id, partitions and configuration, JSON |
//! | meta | `p`, topic id, partition | the partition's state |
//! | meta | `g`, group, 0, topic, 0, partition | the committed position |

use tidegate_model::{TopicName, TopicPartition};

/// Where the format's number is.
pub const FORMAT: &[u8] = b"f";
/// Where the cluster id is.
pub const CLUSTER_ID: &[u8] = b"c";
/// How the keys of topics begin.
pub const TOPICS: &[u8] = b"t";
/// How the keys of committed positions begin.
pub const GROUPS: &[u8] = b"g";

/// The key of the chunk that begins at `offset`.
pub fn chunk(topic: u32, partition: i32, offset: i64) -> [u8; 16] {
    let mut key = [0; 16];
    let (ids, rest) = key.split_at_mut(8);
    ids.copy_from_slice(&partition_prefix(topic, partition));
    rest.copy_from_slice(&offset.to_be_bytes());
    key
}

/// How the keys of the chunks of a partition begin.
pub fn partition_prefix(topic: u32, partition: i32) -> [u8; 8] {
    let mut key = [0; 8];
    let (id, rest) = key.split_at_mut(4);
    id.copy_from_slice(&topic.to_be_bytes());
    rest.copy_from_slice(&partition.to_be_bytes());
    key
}

/// The topic id of a chunk's key.
pub fn topic_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*key.first_chunk()?))
}

/// The base offset of a chunk's key.
pub fn offset_of(key: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(*key.last_chunk()?))
}

/// The key of a topic.
pub fn topic(name: &TopicName) -> Vec<u8> {
    [TOPICS, name.as_str().as_bytes()].concat()
}

/// The key of a partition's state.
pub fn state(topic: u32, partition: i32) -> Vec<u8> {
    [b"p".as_slice(), &partition_prefix(topic, partition)].concat()
}

/// How the keys of a group's positions begin.
pub fn group(name: &str) -> Vec<u8> {
    [GROUPS, name.as_bytes(), &[0]].concat()
}

/// The key of a group's position.
pub fn position(group_name: &str, partition: &TopicPartition) -> Vec<u8> {
    let mut key = group(group_name);
    key.extend_from_slice(partition.topic.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(&partition.partition.to_be_bytes());
    key
}

/// The partition of a group's position, from what follows the group's prefix.
pub fn partition_of(rest: &[u8]) -> Option<TopicPartition> {
    let (name, number) = rest.split_last_chunk::<4>()?;
    let name = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
    Some(TopicPartition {
        topic: TopicName::parse(name).ok()?,
        partition: i32::from_be_bytes(*number),
    })
}

/// The topic of a committed position of any group.
pub fn topic_of_position(key: &[u8]) -> Option<&[u8]> {
    let rest = key.get(GROUPS.len()..)?.split_last_chunk::<4>()?.0;
    rest.strip_suffix(&[0])?.rsplit(|byte| *byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_found_again() {
        let partition = TopicPartition {
            topic: TopicName::parse("a.b").unwrap(),
            partition: 256,
        };
        let key = position("connect-x", &partition);
        let rest = key.strip_prefix(group("connect-x").as_slice()).unwrap();
        assert_eq!(partition_of(rest), Some(partition));
        assert_eq!(topic_of_position(&key), Some(b"a.b".as_slice()));
    }

    #[test]
    fn chunks_sort_by_topic_partition_and_offset() {
        let sorted = [
            chunk(1, 0, 0),
            chunk(1, 0, 256),
            chunk(1, 1, 1),
            chunk(2, 0, 0),
        ];
        assert!(sorted.is_sorted());
        assert_eq!(topic_of(&sorted[3]), Some(2));
        assert_eq!(offset_of(&sorted[1]), Some(256));
    }
}
