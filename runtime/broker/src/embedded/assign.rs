//! Who of a group gets which partition.
//!
//! As Kafka's sticky assignor: as even as the subscriptions allow, and nobody loses a partition without need.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_model::{TopicName, TopicPartition};

/// A member as the assignment sees it.
pub struct Candidate<'a> {
    /// Its number.
    pub id: u64,
    /// The topics that it wants.
    pub topics: BTreeSet<&'a TopicName>,
    /// The partitions that it has and is not giving back.
    pub owned: BTreeSet<&'a TopicPartition>,
}

/// The partitions of each member.
pub type Assignment<'a> = BTreeMap<u64, BTreeSet<&'a TopicPartition>>;

/// Assigns all partitions that someone wants.
pub fn assign<'a>(
    candidates: &[Candidate<'a>],
    partitions: &'a BTreeSet<TopicPartition>,
) -> Assignment<'a> {
    let mut assignment: Assignment<'a> = candidates
        .iter()
        .map(|candidate| (candidate.id, BTreeSet::new()))
        .collect();
    for partition in partitions {
        let owner = candidates.iter().find(|candidate| {
            candidate.owned.contains(partition) && candidate.topics.contains(&partition.topic)
        });
        let chosen = owner
            .map(|owner| owner.id)
            .or_else(|| fewest(candidates, &assignment, &partition.topic).map(|(_, id)| id));
        if let Some(mine) = chosen.and_then(|id| assignment.get_mut(&id)) {
            mine.insert(partition);
        }
    }
    // Each move makes the assignment more even, so this ends.
    while let Some((from, to, partition)) = uneven(candidates, &assignment) {
        if let Some(mine) = assignment.get_mut(&from) {
            mine.remove(partition);
        }
        if let Some(mine) = assignment.get_mut(&to) {
            mine.insert(partition);
        }
    }
    assignment
}

/// The member with the fewest partitions among those who want the topic.
fn fewest(
    candidates: &[Candidate<'_>],
    assignment: &Assignment<'_>,
    topic: &TopicName,
) -> Option<(usize, u64)> {
    candidates
        .iter()
        .filter(|candidate| candidate.topics.contains(topic))
        .map(|candidate| (size(assignment, candidate.id), candidate.id))
        .min()
}

fn size(assignment: &Assignment<'_>, id: u64) -> usize {
    assignment.get(&id).map_or(0, BTreeSet::len)
}

/// A partition that should move, from whom to whom.
fn uneven<'a>(
    candidates: &[Candidate<'a>],
    assignment: &Assignment<'a>,
) -> Option<(u64, u64, &'a TopicPartition)> {
    assignment.iter().find_map(|(from, mine)| {
        mine.iter().rev().find_map(|partition| {
            let (count, to) = fewest(candidates, assignment, &partition.topic)?;
            (count + 1 < mine.len()).then_some((*from, to, *partition))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(topics: &[(&TopicName, i32)]) -> BTreeSet<TopicPartition> {
        let all = topics.iter().flat_map(|(topic, count)| {
            (0..*count).map(|partition| TopicPartition {
                topic: (*topic).clone(),
                partition,
            })
        });
        all.collect()
    }

    #[test]
    fn partitions_are_shared_evenly_and_kept() {
        let topic = TopicName::parse("t").unwrap();
        let all = partitions(&[(&topic, 7)]);
        let member = |id, owned: BTreeSet<_>| Candidate {
            id,
            topics: [&topic].into(),
            owned,
        };
        let first = assign(&[member(1, BTreeSet::new())], &all);
        assert_eq!(first[&1].len(), 7);
        let second = assign(
            &[member(1, first[&1].clone()), member(2, BTreeSet::new())],
            &all,
        );
        assert_eq!((second[&1].len(), second[&2].len()), (4, 3));
        assert!(second[&1].is_subset(&first[&1]));
        let again = assign(
            &[member(1, second[&1].clone()), member(2, second[&2].clone())],
            &all,
        );
        assert_eq!(again, second);
    }

    #[test]
    fn a_member_gets_only_what_it_wants() {
        let (a, b) = (
            TopicName::parse("a").unwrap(),
            TopicName::parse("b").unwrap(),
        );
        let all = partitions(&[(&a, 4), (&b, 1)]);
        let members =
            [(1, vec![&a]), (2, vec![&a, &b]), (3, vec![])].map(|(id, topics)| Candidate {
                id,
                topics: topics.into_iter().collect(),
                owned: BTreeSet::new(),
            });
        let assignment = assign(&members, &all);
        assert!(assignment[&3].is_empty());
        assert!(assignment[&1].iter().all(|partition| partition.topic == a));
        assert_eq!(assignment[&1].len() + assignment[&2].len(), 5);
        assert!(assignment[&1].len().abs_diff(assignment[&2].len()) <= 1);
    }
}
