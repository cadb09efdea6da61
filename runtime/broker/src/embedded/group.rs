//! Consumer groups: who is a member, who has which partition, who has to give one back.
//!
//! A partition has at most one owner. Rebalancing is cooperative: a member is told which partitions it loses,
//! keeps owning them until it has released them, and only then does the next one get them.
//!
//! | partition of a member | event | then |
//! | --- | --- | --- |
//! | free, and assigned to it | told `Assigned` | owned |
//! | owned, and assigned to another | told `Revoked` | owned, being given back |
//! | being given back | the member releases it | free |
//! | owned or being given back | the member leaves | free |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tidegate_model::{TopicName, TopicPartition};

use super::assign::{Candidate, assign};
use super::log::Log;
use super::signal::Signal;
use crate::{Subscription, TopicPattern};

/// What a member is to be told.
#[derive(Debug)]
pub enum Event {
    /// These partitions are its now.
    Assigned(Vec<TopicPartition>),
    /// These partitions are to be given back.
    Revoked(Vec<TopicPartition>),
}

/// All groups of a log.
#[derive(Debug, Default)]
pub struct Groups {
    groups: BTreeMap<String, Group>,
    next_member: u64,
}

#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    wants: Wants,
    owned: BTreeSet<TopicPartition>,
    revoking: BTreeSet<TopicPartition>,
    events: VecDeque<Event>,
    signal: Arc<Signal>,
}

/// What a member subscribes to, as it is looked up.
#[derive(Debug, Clone)]
pub enum Wants {
    /// These topics.
    Topics(BTreeSet<TopicName>),
    /// The topics whose whole name matches.
    Pattern(TopicPattern),
}

impl Wants {
    /// What a subscription says.
    pub fn of(subscription: &Subscription) -> Self {
        match subscription {
            Subscription::Topics(topics) => Self::Topics(topics.iter().cloned().collect()),
            Subscription::Pattern(pattern) => Self::Pattern(pattern.clone()),
        }
    }

    fn has(&self, topic: &TopicName) -> bool {
        match self {
            Self::Topics(topics) => topics.contains(topic),
            Self::Pattern(pattern) => pattern.matches(topic),
        }
    }
}

impl Groups {
    /// Adds a member to a group, or changes what it wants.
    pub fn join(
        &mut self,
        log: &Log,
        group: &str,
        member: Option<u64>,
        wants: Wants,
        signal: &Arc<Signal>,
    ) -> u64 {
        let id = member.unwrap_or_else(|| {
            self.next_member += 1;
            self.next_member
        });
        let entry = self.groups.entry(group.to_owned()).or_default();
        match entry.members.get_mut(&id) {
            Some(member) => member.wants = wants,
            None => {
                entry.members.insert(
                    id,
                    Member {
                        wants,
                        owned: BTreeSet::new(),
                        revoking: BTreeSet::new(),
                        events: VecDeque::new(),
                        signal: Arc::clone(signal),
                    },
                );
            }
        }
        entry.rebalance(&partitions(log));
        id
    }

    /// Removes a member.
    pub fn leave(&mut self, log: &Log, group: &str, member: u64) {
        if let Some(entry) = self.groups.get_mut(group) {
            entry.members.remove(&member);
            entry.rebalance(&partitions(log));
            if entry.members.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// What a member is to be told next.
    pub fn event(&mut self, group: &str, member: u64) -> Option<Event> {
        self.member(group, member)?.events.pop_front()
    }

    /// Whether a member is to be told something.
    pub fn has_event(&mut self, group: &str, member: u64) -> bool {
        self.member(group, member)
            .is_some_and(|member| !member.events.is_empty())
    }

    /// A member gave partitions back.
    pub fn released(&mut self, log: &Log, group: &str, member: u64, given: &[TopicPartition]) {
        let Some(entry) = self.groups.get_mut(group) else {
            return;
        };
        if let Some(member) = entry.members.get_mut(&member) {
            for partition in given {
                if member.revoking.remove(partition) {
                    member.owned.remove(partition);
                }
            }
        }
        entry.rebalance(&partitions(log));
    }

    /// Whether a partition is a member's.
    pub fn owns(&mut self, group: &str, member: u64, partition: &TopicPartition) -> bool {
        self.member(group, member)
            .is_some_and(|member| member.owned.contains(partition))
    }

    /// Whether a group has members.
    pub fn has_members(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// Topics were created or deleted.
    pub fn topics_changed(&mut self, log: &Log) {
        if self.groups.is_empty() {
            return;
        }
        let partitions = partitions(log);
        for group in self.groups.values_mut() {
            group.rebalance(&partitions);
        }
    }

    fn member(&mut self, group: &str, member: u64) -> Option<&mut Member> {
        self.groups.get_mut(group)?.members.get_mut(&member)
    }
}

impl Group {
    fn rebalance(&mut self, all: &BTreeSet<TopicPartition>) {
        let topics: BTreeSet<&TopicName> = all.iter().map(|partition| &partition.topic).collect();
        let candidates: Vec<Candidate<'_>> = self
            .members
            .iter()
            .map(|(id, member)| Candidate {
                id: *id,
                topics: topics
                    .iter()
                    .copied()
                    .filter(|topic| member.wants.has(topic))
                    .collect(),
                owned: member.owned.difference(&member.revoking).collect(),
            })
            .collect();
        let assignment: BTreeMap<u64, BTreeSet<TopicPartition>> = assign(&candidates, all)
            .into_iter()
            .map(|(id, mine)| (id, mine.into_iter().cloned().collect()))
            .collect();
        drop(candidates);
        for (id, member) in &mut self.members {
            let none = BTreeSet::new();
            let mine = assignment.get(id).unwrap_or(&none);
            let lost: Vec<_> = member
                .owned
                .difference(mine)
                .filter(|partition| !member.revoking.contains(partition))
                .cloned()
                .collect();
            if !lost.is_empty() {
                member.revoking.extend(lost.iter().cloned());
                member.tell(Event::Revoked(lost));
            }
        }
        let taken: BTreeSet<TopicPartition> = self
            .members
            .values()
            .flat_map(|member| member.owned.iter().cloned())
            .collect();
        for (id, member) in &mut self.members {
            let gained: Vec<_> = assignment
                .get(id)
                .into_iter()
                .flat_map(|mine| mine.difference(&taken))
                .cloned()
                .collect();
            if !gained.is_empty() {
                member.owned.extend(gained.iter().cloned());
                member.tell(Event::Assigned(gained));
            }
        }
    }
}

impl Member {
    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
        self.signal.raise();
    }
}

fn partitions(log: &Log) -> BTreeSet<TopicPartition> {
    let topics = log.topics();
    let all = topics.iter().flat_map(|topic| {
        (0..topic.count()).map(|partition| TopicPartition {
            topic: topic.name.clone(),
            partition,
        })
    });
    all.collect()
}
