//! Where a consumer goes on: commits, seeks, limits of a fetch, lag.

use super::*;

pub fn a_group_goes_on_where_it_committed(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..10)).unwrap();
    let mine = partition(&topic, 0);
    let mut first = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.values.len() >= 10);
    first.commit(&[(mine.clone(), 4)]).unwrap();
    first.close();
    let committed = fixture
        .broker
        .admin()
        .group_offsets(&fixture.group())
        .unwrap();
    assert_eq!(committed, [(mine, 4)]);
    let mut second = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(second.as_mut(), &mut seen, |seen| seen.values.len() >= 6);
    assert_eq!(seen.values, ["4", "5", "6", "7", "8", "9"]);
}

pub fn a_group_that_committed_nothing_starts_at_the_beginning(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..3)).unwrap();
    for _ in 0..2 {
        let mut consumer = fixture.consumer(&[&topic]);
        let mut seen = Seen::default();
        fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 3);
        assert_eq!(seen.values, ["0", "1", "2"]);
    }
}

pub fn a_consumer_that_lost_a_partition_cannot_commit_it(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..5)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 5);
    consumer.close();
    assert!(consumer.commit(&[(partition(&topic, 0), 5)]).is_err());
    let committed = fixture
        .broker
        .admin()
        .group_offsets(&fixture.group())
        .unwrap();
    assert_eq!(committed, []);
}

pub fn a_consumer_goes_to_a_position(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..10)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 10);
    consumer.seek(&[(partition(&topic, 0), 7)]).unwrap();
    seen.values.clear();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 3);
    assert_eq!(seen.values, ["7", "8", "9"]);
    let elsewhere = partition(&fixture.name("elsewhere"), 0);
    assert!(consumer.seek(&[(elsewhere, 0)]).is_err());
}

pub fn a_seek_outdates_what_was_read_ahead(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..5000)).unwrap();
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.offsets.len() == 2 && seen.values.len() >= 1000
    });
    // More is in the client's queues by now: the client reads ahead. None of it may come after a seek.
    for start in [4000, 0, 2500, 17] {
        let to = [
            (partition(&topic, 0), start),
            (partition(&topic, 1), start + 1),
        ];
        consumer.seek(&to).unwrap();
        seen.offsets.clear();
        fetch_until(consumer.as_mut(), &mut seen, |seen| {
            seen.offsets.len() == 2 && seen.offsets.values().all(|offsets| offsets.len() >= 600)
        });
        for (partition, start) in &to {
            let got = &seen.offsets[partition];
            let wanted: Vec<i64> = (*start..).take(got.len()).collect();
            assert_eq!(*got, wanted, "{partition}");
        }
    }
}

pub fn a_fetch_keeps_to_its_limits(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 1000..1600)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let runtime = runtime();
    let end = Instant::now() + DEADLINE;
    let mut next = 0;
    let mut went_back = false;
    while next < 600 {
        assert!(Instant::now() < end, "only {next} came");
        wait_ready(&runtime, consumer.as_ref(), Duration::from_secs(1));
        // Values of four bytes: nine of them reach the limit of bytes before that of records, seven do not.
        let (records, bytes, wanted) = if next % 2 == 0 {
            (7, 1 << 20, 7)
        } else {
            (1000, 33, 9)
        };
        let Fetched::Records(batch) = retried(|| consumer.fetch(records, bytes)) else {
            continue;
        };
        assert!(batch.count <= wanted, "{} came", batch.count);
        let offsets: Vec<i64> = (next..).take(batch.count).collect();
        assert_eq!(batch.offsets, offsets);
        next += batch.count as i64;
        if next > 300 && !went_back {
            went_back = true;
            next = 151;
            consumer.seek(&[(partition(&topic, 0), next)]).unwrap();
        }
    }
}

pub fn lag_is_what_is_not_fetched(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..1000)).unwrap();
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.offsets.len() == 2);
    let left = 2000 - seen.values.len() as u64;
    assert_eq!(consumer.lag(), Some(left));
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.values.len() == 2000
    });
    assert_eq!(consumer.lag(), Some(0));
}

pub fn positions_of_a_group_without_members_are_altered(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    fixture.write(&numbered(&topic, 0, 0..4)).unwrap();
    let (admin, group) = (fixture.broker.admin(), fixture.group());
    fn at<T>(topic: &TopicName, number: i32, offset: T) -> (TopicPartition, T) {
        (partition(topic, number), offset)
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 4);
    consumer.commit(&[at(&topic, 0, 4)]).unwrap();
    let busy = admin.alter_group_offsets(&group, &[at(&topic, 0, Some(1))]);
    assert!(
        matches!(busy, Err(BrokerError::GroupNotEmpty(_))),
        "{busy:?}"
    );
    consumer.close();
    let alter = |offsets: &[_]| admin.alter_group_offsets(&group, offsets);
    let now = || admin.group_offsets(&group).unwrap();
    alter(&[at(&topic, 0, Some(3)), at(&topic, 1, Some(0))]).unwrap();
    assert_eq!(now(), [at(&topic, 0, 3), at(&topic, 1, 0)]);
    for (wrong, offset) in [(partition(&topic, 2), 0), (partition(&topic, 0), -1)] {
        assert!(alter(&[(wrong, Some(offset))]).is_err());
    }
    let elsewhere = partition(&fixture.name("not-there"), 0);
    let unknown = alter(&[(elsewhere.clone(), Some(0))]);
    assert!(
        matches!(unknown, Err(BrokerError::UnknownTopic(_))),
        "{unknown:?}"
    );
    alter(&[at(&topic, 1, None), (elsewhere, None)]).unwrap();
    assert_eq!(now(), [at(&topic, 0, 3)]);
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| !seen.values.is_empty());
    assert_eq!(seen.values.len(), 1, "it goes on where it was set");
    consumer.close();
    alter(&[at(&topic, 0, None)]).unwrap();
    assert_eq!(now(), []);
}
