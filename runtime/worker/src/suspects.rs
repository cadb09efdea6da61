//! The records that a sink did not survive, on their second way: they are given again in parts small enough that those
//! stand alone at which it faults. Each part is flushed before the next, so that a further fault costs no more than
//! its part.
//!
//! | a `put` of | ends with | the next part |
//! | --- | --- | --- |
//! | several records | a fault | half as many |
//! | several records, some of which the sink said to have delivered | a fault | one: the first that it did not say |
//! | one record | a fault | one; the record is lost |
//! | a part | an answer | as many as before; twice as many when the last fault was at one record, or said how far it came |
//!
//! When all of them are passed, records are given as ever.

use std::collections::BTreeMap;

use tidegate_model::{ErrorClass, TopicPartition};
use tidegate_sandbox::SandboxError;

use crate::error::{Stage, WorkerError};
use crate::failures::Failed;
use crate::faults::{FAULTS_ALONE_MAX, Isolation};
use crate::fetched_rows::FetchedRows;
use crate::positions::{Positions, Span};

/// The most faults of a sink that gets no further in any partition, before its task fails.
pub const FAULTS_IN_PLACE_MAX: usize = 100;

/// The records that are suspect, and what is known of them.
pub struct Suspects {
    isolation: Isolation,
    /// Where they end in each partition. Empty: none are.
    until: BTreeMap<TopicPartition, i64>,
    /// How many records are given at a time.
    part: usize,
    /// Whether that grows while the sink answers.
    grows: bool,
    /// The records that were lost and may come again, as others before them have to.
    lost: BTreeMap<TopicPartition, BTreeMap<i64, String>>,
    /// How many records in succession the sink did not survive, each given alone.
    alone: usize,
    /// How often it faulted since it got further.
    in_place: usize,
}

impl Suspects {
    pub fn new(isolation: Isolation) -> Self {
        Self {
            isolation,
            until: BTreeMap::new(),
            part: 1,
            grows: false,
            lost: BTreeMap::new(),
            alone: 0,
            in_place: 0,
        }
    }

    /// Whether the record is to be looked for at which this happened.
    pub fn isolates(&self, error: &SandboxError) -> bool {
        self.isolation.isolates(error)
    }

    /// Whether any record is suspect.
    pub fn any(&self) -> bool {
        !self.until.is_empty()
    }

    /// How many of these records, from the first on, are given together: those before the first that is suspect, or
    /// a part.
    pub fn together(&self, fetched: &FetchedRows) -> usize {
        if !self.any() {
            return fetched.len();
        }
        let suspect = |row: &usize| {
            let (partition, offset) = fetched.position(*row)?;
            let until = self.until.get(&partition)?;
            (offset < *until).then_some(())
        };
        match (0..fetched.len()).find(|row| suspect(row).is_some()) {
            None => fetched.len(),
            Some(0) => fetched.len().min(self.part),
            Some(first) => first,
        }
    }

    /// The sink faulted with these records in hand, of `rows` rows, having said of some that they are delivered or
    /// not.
    ///
    /// # Errors
    /// When it does so again and again.
    pub fn faulted(
        &mut self,
        in_hand: Vec<Span>,
        rows: usize,
        said: bool,
        fault: &SandboxError,
    ) -> Result<(), WorkerError> {
        for span in in_hand {
            let until = self.until.entry(span.partition).or_insert(span.next);
            *until = span.next.max(*until);
        }
        self.grows = said || rows <= 1;
        self.part = if self.grows { 1 } else { rows / 2 };
        self.in_place += 1;
        if self.in_place < FAULTS_IN_PLACE_MAX {
            return Ok(());
        }
        Err(WorkerError::FaultsInPlace {
            stage: Stage::TaskPut,
            times: self.in_place,
            error: fault.clone(),
        })
    }

    /// The sink faulted at this record, which it was given alone.
    ///
    /// # Errors
    /// When that happens at record after record.
    pub fn lose(&mut self, record: Span, fault: &SandboxError) -> Result<(), WorkerError> {
        self.alone += 1;
        if self.alone >= FAULTS_ALONE_MAX {
            return Err(WorkerError::FaultsAlone {
                stage: Stage::TaskPut,
                records: self.alone,
                error: fault.clone(),
            });
        }
        let lost = self.lost.entry(record.partition).or_default();
        lost.insert(record.first, fault.without_trace());
        Ok(())
    }

    /// Those of these records that were lost before.
    pub fn lost(&self, fetched: &FetchedRows) -> Vec<Failed> {
        if self.lost.is_empty() {
            return Vec::new();
        }
        let lost = |row| {
            let (partition, offset) = fetched.position(row)?;
            let message = self.lost.get(&partition)?.get(&offset)?;
            Some(Failed::in_put(row, ErrorClass::GuestFault, message.clone()))
        };
        (0..fetched.len()).filter_map(lost).collect()
    }

    /// The sink answered.
    pub fn answered(&mut self) {
        self.alone = 0;
        if self.grows {
            self.part = self.part.saturating_mul(2);
        }
    }

    /// The sink's positions are these now, and whether any that counts is further than before.
    pub fn passed(&mut self, positions: &Positions, further: bool) {
        if further {
            self.in_place = 0;
        }
        self.until
            .retain(|partition, until| positions.delivered_to(partition) < Some(*until));
        self.lost.retain(|partition, lost| {
            let safe = positions.safe_to(partition).unwrap_or(i64::MIN);
            lost.retain(|offset, _| *offset >= safe);
            !lost.is_empty()
        });
    }

    /// Partitions are gone.
    pub fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.until.remove(partition);
            self.lost.remove(partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Abandoned;
    use tidegate_model::{Batch, TopicName};

    fn suspects() -> Suspects {
        Suspects::new(Isolation {
            isolates: true,
            trial_until: None,
            abandoned: Abandoned::default(),
        })
    }

    fn trap() -> SandboxError {
        SandboxError::Trap {
            call: "put",
            message: "bad".to_owned(),
            trace: String::new(),
        }
    }

    fn span(first: i64, next: i64) -> Span {
        let topic = TopicName::parse("t").unwrap();
        let partition = TopicPartition {
            topic,
            partition: 0,
        };
        Span {
            partition,
            first,
            next,
        }
    }

    fn fetched(partitions: &[i32], first: i64) -> FetchedRows {
        FetchedRows::of(&Batch {
            count: partitions.len(),
            topics: vec!["t".to_owned()],
            partitions: partitions.to_vec(),
            offsets: (first..).take(partitions.len()).collect(),
            ..Batch::default()
        })
    }

    #[test]
    fn parts_are_halved_until_one_record_is_left_and_grow_again_behind_it() {
        let mut suspects = suspects();
        let part = |suspects: &Suspects| suspects.together(&fetched(&[0; 500], 0));
        assert_eq!(part(&suspects), 500);
        let mut parts = Vec::new();
        let mut rows = 500;
        while rows > 1 {
            let span = span(0, 500);
            suspects.faulted(vec![span], rows, false, &trap()).unwrap();
            rows = part(&suspects);
            parts.push(rows);
        }
        assert_eq!(parts, [250, 125, 62, 31, 15, 7, 3, 1]);
        suspects.answered();
        assert_eq!(part(&suspects), 1, "the bad one may be the next");
        suspects.lose(span(1, 2), &trap()).unwrap();
        suspects.faulted(vec![], 1, false, &trap()).unwrap();
        for wanted in [1, 2, 4] {
            assert_eq!(part(&suspects), wanted);
            suspects.answered();
        }
    }

    #[test]
    fn a_sink_that_said_how_far_it_came_is_given_the_next_record_alone() {
        let mut suspects = suspects();
        let span = span(100, 500);
        suspects.faulted(vec![span], 500, true, &trap()).unwrap();
        let part = |suspects: &Suspects| suspects.together(&fetched(&[0; 400], 100));
        assert_eq!(part(&suspects), 1);
        suspects.answered();
        assert_eq!(part(&suspects), 2);
    }

    #[test]
    fn records_of_other_partitions_are_given_as_ever() {
        let mut suspects = suspects();
        let in_hand = vec![span(0, 6)];
        suspects.faulted(in_hand, 6, false, &trap()).unwrap();
        assert_eq!(suspects.together(&fetched(&[1, 1, 0, 0, 1], 0)), 2);
        assert_eq!(suspects.together(&fetched(&[0, 0, 0, 0], 0)), 3);
        assert_eq!(suspects.together(&fetched(&[1, 1, 1], 0)), 3);
        assert_eq!(suspects.together(&fetched(&[0, 0], 6)), 2, "behind them");
        let mut positions = Positions::default();
        positions.delivered(vec![span(0, 6)]);
        suspects.passed(&positions, true);
        assert!(!suspects.any());
    }

    #[test]
    fn a_lost_record_is_remembered_until_the_sink_is_past_it() {
        let mut suspects = suspects();
        suspects.lose(span(3, 4), &trap()).unwrap();
        let rows = |suspects: &Suspects| -> Vec<_> {
            let lost = suspects.lost(&fetched(&[0, 0, 0], 2)).into_iter();
            lost.map(|failed| failed.row).collect()
        };
        assert_eq!(rows(&suspects), [1]);
        let mut positions = Positions::default();
        positions.delivered(vec![span(0, 4)]);
        suspects.passed(&positions, false);
        assert_eq!(rows(&suspects), [1], "not flushed yet");
        positions.all_safe();
        suspects.passed(&positions, true);
        assert_eq!(rows(&suspects), [] as [usize; 0]);
    }

    #[test]
    fn a_sink_that_gets_no_further_is_given_up() {
        let mut suspects = suspects();
        let mut fault = |further| {
            suspects.passed(&Positions::default(), further);
            suspects.faulted(vec![span(0, 9)], 9, false, &trap())
        };
        fault(false).unwrap();
        for _ in 2..FAULTS_IN_PLACE_MAX {
            fault(false).unwrap();
        }
        let failed = fault(false).unwrap_err().to_string();
        assert!(failed.contains("100 times"), "{failed}");
        fault(true).unwrap();
    }
}
