//! Topics and groups from outside: made, described, read, refused, deleted.

use super::*;

pub fn a_reader_reads_all_partitions_from_the_beginning(fixture: &Fixture<'_>) {
    let topic = fixture.topic(3, &[]);
    assert_eq!(read_all(fixture, &topic), []);
    for number in 0..3 {
        fixture.write(&numbered(&topic, number, 0..100)).unwrap();
    }
    assert_eq!(read_all(fixture, &topic).len(), 300);
    let mut reader = fixture.broker.reader(&topic).unwrap();
    let mut count = 0;
    let deadline = Instant::now() + DEADLINE;
    while count < 300 {
        assert!(Instant::now() < deadline);
        let batch = reader.read(7, Duration::from_secs(1)).unwrap();
        assert!(batch.count <= 7);
        count += batch.count;
    }
    assert!(
        reader
            .read(7, Duration::from_millis(10))
            .unwrap()
            .is_empty()
    );
    let missing = fixture.broker.reader(&fixture.name("missing"));
    assert!(matches!(missing.err(), Some(BrokerError::UnknownTopic(_))));
}

pub fn a_topic_is_created_once_and_described(fixture: &Fixture<'_>) {
    let topic = fixture.topic(3, &[("retention.ms", "1000000")]);
    assert!(!fixture.create(&topic, 5, &[]).unwrap());
    fixture.write(&numbered(&topic, 1, 0..4)).unwrap();
    let admin = fixture.broker.admin();
    let description = admin.describe(&topic).unwrap();
    assert_eq!(description.partitions, 3);
    assert_eq!(description.offsets, [(0, 0), (0, 4), (0, 0)]);
    assert!(admin.topics(false).unwrap().contains(&topic));
    admin.delete_topic(&topic).unwrap();
    assert!(!admin.topics(true).unwrap().contains(&topic));
    assert!(matches!(
        admin.describe(&topic),
        Err(BrokerError::UnknownTopic(_))
    ));
    assert!(matches!(
        admin.delete_topic(&topic),
        Err(BrokerError::UnknownTopic(_))
    ));
}

pub fn what_kafka_refuses_is_refused(fixture: &Fixture<'_>) {
    let name = fixture.name("refused");
    for config in [
        [("cleanup.policy", "shrink")],
        [("retention.ms", "-5")],
        [("no.such.setting", "1")],
    ] {
        let error = fixture.create(&name, 1, &config).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Config, "{config:?}: {error}");
    }
    assert!(fixture.create(&name, 0, &[]).is_err());
    for topic in ["not a topic", "", "a\0b", "$1", ".."] {
        let mut bad = batch(&name, [(None, Some("x"))]);
        bad.topics = vec![topic.to_owned()];
        let error = fixture.write(&bad).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Data, "{topic:?}: {error}");
    }
    assert!(fixture.broker.consumer("", &Properties::new()).is_err());
}

pub fn writing_creates_a_topic(fixture: &Fixture<'_>) {
    let topic = fixture.name("by-writing");
    fixture.write(&batch(&topic, [(None, Some("x"))])).unwrap();
    assert_eq!(
        fixture.broker.admin().describe(&topic).unwrap().partitions,
        1
    );
    assert_eq!(read_all(fixture, &topic).len(), 1);
}

pub fn a_group_is_forgotten_when_it_has_no_members(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..2)).unwrap();
    let admin = fixture.broker.admin();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 2);
    consumer.commit(&[(partition(&topic, 0), 2)]).unwrap();
    let busy = admin.delete_group(&fixture.group());
    assert!(
        matches!(busy, Err(BrokerError::GroupNotEmpty(_))),
        "{busy:?}"
    );
    consumer.close();
    admin.delete_group(&fixture.group()).unwrap();
    assert_eq!(admin.group_offsets(&fixture.group()).unwrap(), []);
}

pub fn the_cluster_has_an_id(fixture: &Fixture<'_>) {
    let admin = fixture.broker.admin();
    let id = admin.cluster_id().unwrap();
    assert!(id.len() >= 16, "{id}");
    assert_eq!(admin.cluster_id().unwrap(), id);
}

pub fn dangerous_settings_are_refused_by_name(fixture: &Fixture<'_>) {
    for key in [
        "plugin.library.paths",
        "sasl.jaas.config",
        "bootstrap.servers",
    ] {
        let overrides: Properties = [(key.to_owned(), "x".to_owned())].into();
        for error in [
            fixture.broker.producer(&overrides).err(),
            fixture.broker.consumer("g", &overrides).err(),
        ] {
            let error = error.unwrap_or_else(|| panic!("{key} was taken"));
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
