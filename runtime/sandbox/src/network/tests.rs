use super::*;
use crate::guest_log::Identity;
use crate::network::refusals::AllRefusals;
use tidegate_model::ConnectorName;

fn network(grants: Grants, control: &[&str]) -> Network {
    network_asking(grants, control, system_names())
}

/// A name server that gives one answer after another, the last one for ever.
fn answering(answers: Vec<Vec<&'static str>>) -> Names {
    let asked = AtomicUsize::new(0);
    Box::new(move |_, _| {
        let number = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let answer = answers[number]
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Box::pin(async move { Ok(answer) })
    })
}

fn network_asking(grants: Grants, control: &[&str], names: Names) -> Network {
    let control: Vec<String> = control
        .iter()
        .map(|address| (*address).to_owned())
        .collect();
    let shared = Arc::new(Shared {
        control: ControlPlane::new(&control),
        tls: Tls::new(None),
        connections_max: 2,
        response_bytes_max: 100,
        names,
    });
    let identity = Identity {
        connector: ConnectorName::parse("c").unwrap(),
        task: Some(0),
        usage: Default::default(),
        share: Default::default(),
        secrets: Default::default(),
    };
    let refusals = AllRefusals::default().of(&identity);
    let idle = Arc::default();
    let log = GuestLog::new(None, Default::default());
    Network::new(&shared, Some(&grants), refusals, log, &idle)
}

fn addresses(addresses: &[&str]) -> Grants {
    Grants {
        addresses: addresses
            .iter()
            .map(|address| (*address).to_owned())
            .collect(),
        ..Grants::default()
    }
}

async fn connect(network: &Network, address: &str) -> Result<Connected, NoConnection> {
    let until = Instant::now() + Duration::from_secs(2);
    network.connect(Purpose::Tcp, address, until).await
}

#[tokio::test]
async fn a_connection_is_made_to_what_was_granted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let granted = format!("127.0.0.1:{port}");
    let network = network(addresses(&[&granted]), &[]);
    for spelled in [
        &granted,
        &format!("[::ffff:127.0.0.1]:{port}"),
        &format!("127.0.0.1.:{port}"),
    ] {
        assert!(connect(&network, spelled).await.is_ok(), "{spelled}");
    }
    assert!(matches!(
        connect(&network, &format!("127.0.0.2:{port}")).await,
        Err(NoConnection::Refused(Refusal::NotGranted, _))
    ));
    for spelled in [
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1\r\n",
        "u@127.0.0.1",
    ] {
        let refused = connect(&network, &format!("{spelled}:{port}")).await;
        assert!(
            matches!(refused, Err(NoConnection::Invalid(_))),
            "{spelled}"
        );
    }
    assert_eq!(network.refusals().count(Refusal::NotGranted), 1);
    let (one, two) = (
        connect(&network, &granted).await,
        connect(&network, &granted).await,
    );
    assert!(matches!(
        connect(&network, &granted).await,
        Err(NoConnection::Refused(Refusal::TooManyConnections, _))
    ));
    drop((one, two));
    assert!(connect(&network, &granted).await.is_ok());
}

#[tokio::test]
async fn a_name_whose_address_is_not_public_is_refused_unless_the_address_is_granted() {
    for answer in [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "::1",
        "::ffff:10.0.0.1",
        "fd00::1",
        "64:ff9b::a00:1",
    ] {
        let names = answering(vec![vec![answer]]);
        let network = network_asking(addresses(&["evil.example:9"]), &[], names);
        let Err(NoConnection::Refused(Refusal::NotPublic, message)) =
            connect(&network, "evil.example:9").await
        else {
            panic!("{answer} was not refused")
        };
        assert!(message.contains("granted by address"), "{message}");
    }
    // Granted by address beside the name, or by a block of the policy.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = format!("inside.example:{port}");
    let by_address = addresses(&[&name, &format!("127.0.0.1:{port}")]);
    let by_block = Grants {
        blocks: vec![Block::parse("127.0.0.0/8:*").unwrap()],
        ..addresses(&[&name])
    };
    for grants in [by_address, by_block] {
        let names = answering(vec![vec!["169.254.169.254", "127.0.0.1"]]);
        let network = network_asking(grants, &[], names);
        let connected = connect(&network, &name).await.unwrap();
        assert_eq!(
            connected.stream.peer_addr().unwrap().ip(),
            Ipv4Addr::LOCALHOST
        );
    }
}

#[tokio::test]
async fn a_name_server_that_changes_its_mind_changes_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = format!("rebinds.example:{port}");
    // A public address for the check; this machine for whoever asks again.
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let answers = answering(vec![vec!["192.0.2.1"], vec!["127.0.0.1"]]);
    let names: Names = Box::new(move |host, port| {
        counted.fetch_add(1, Ordering::SeqCst);
        answers(host, port)
    });
    let grants = Grants {
        blocks: vec![Block::parse("192.0.2.0/24:*").unwrap()],
        ..addresses(&[&name])
    };
    let network = network_asking(grants, &[], names);
    let until = Instant::now() + Duration::from_millis(300);
    assert!(network.connect(Purpose::Tcp, &name, until).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // A guest that connects by itself is held to what was checked.
    assert!(network.look_up("rebinds.example", until).await.is_err());
    assert!(!network.admits(SocketAddr::from(([127, 0, 0, 1], port))));
}

#[tokio::test]
async fn what_controls_the_worker_is_refused_though_it_was_granted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for control in ["127.0.0.1", "0.0.0.0", "localhost"] {
        let network = network(
            addresses(&[&format!("127.0.0.1:{port}"), &format!("localhost:{port}")]),
            &[&format!("{control}:{port}")],
        );
        for asked in ["127.0.0.1", "127.0.0.1.", "[::ffff:7f00:1]"] {
            let refused = connect(&network, &format!("{asked}:{port}")).await;
            assert!(
                matches!(
                    refused,
                    Err(NoConnection::Refused(Refusal::ControlPlane, _))
                ),
                "{control}, {asked}"
            );
        }
        assert!(!network.admits(SocketAddr::from(([127, 0, 0, 1], port))));
        assert_eq!(network.refusals().count(Refusal::ControlPlane), 4);
    }
}

#[tokio::test]
async fn a_guest_that_resolves_and_connects_is_held_to_what_was_resolved() {
    let network = network(addresses(&["localhost:7777", "10.0.0.1:1"]), &[]);
    let until = Instant::now() + Duration::from_secs(2);
    let found = network.look_up("localhost", until).await.unwrap();
    assert!(found.contains(&Ipv4Addr::LOCALHOST.into()));
    assert!(network.admits(SocketAddr::from(([127, 0, 0, 1], 7777))));
    assert!(!network.admits(SocketAddr::from(([127, 0, 0, 1], 7778))));
    assert!(!network.admits(SocketAddr::from(([127, 0, 0, 2], 7777))));
    assert!(network.admits(SocketAddr::from(([10, 0, 0, 1], 1))));
    assert!(!network.admits("[::ffff:10.0.0.2]:1".parse().unwrap()));
    assert!(
        network
            .look_up("metadata.google.internal", until)
            .await
            .is_err()
    );
    assert!(network.look_up("localhost\0.x", until).await.is_err());
    assert!(network.look_up("10.0.0.2", until).await.is_err());
}

#[test]
fn a_call_has_some_time_left_to_answer() {
    let deadline = Instant::now() + Duration::from_secs(5);
    assert_eq!(deadline - until(deadline), ANSWER_TIME);
    let soon = Instant::now() + Duration::from_millis(40);
    assert!(until(soon) > Instant::now() && until(soon) < soon);
    let past = Instant::now();
    assert!(until(past) <= past);
}
