//! HTTPS, stores of keys, and certificates of clients.

use openssl::pkcs12::Pkcs12;
use openssl::ssl::{Ssl, SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::symm::Cipher;
use tidegate_test_certificates::{Signed, authority, signed};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::*;

/// `GET PATH`, or nothing where no connection could be made.
async fn get(
    address: SocketAddr,
    authority: &Signed,
    shown: Option<&Signed>,
    version: SslVersion,
) -> Option<Answer> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector
        .cert_store_mut()
        .add_cert(authority.certificate.clone())
        .unwrap();
    connector.set_verify(SslVerifyMode::PEER);
    connector.set_max_proto_version(Some(version)).unwrap();
    if let Some(shown) = shown {
        connector.set_certificate(&shown.certificate).unwrap();
        connector.set_private_key(&shown.key).unwrap();
    }
    let configured = connector.build().configure().unwrap();
    let ssl: Ssl = configured.into_ssl("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = SslStream::new(ssl, stream).unwrap();
    std::pin::Pin::new(&mut stream).connect().await.ok()?;
    let request = format!(
        "POST /connectors HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{CONNECTOR}",
        CONNECTOR.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let answer = read(&mut stream).await;
    (answer.status != 0).then_some(answer)
}

#[tokio::test]
async fn https_is_served_with_pem_pkcs12_and_texts() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority("authority");
    let server = signed("server", &authority);
    let plain = file(folder.path(), "server.pem", server.pem());
    let mut locked = server.certificate_pem();
    let cipher = Cipher::aes_256_cbc();
    let key = server
        .key
        .private_key_to_pem_pkcs8_passphrase(cipher, b"canary");
    locked.extend(key.unwrap());
    let locked = file(folder.path(), "locked.pem", locked);
    let store = Pkcs12::builder()
        .name("server")
        .pkey(&server.key)
        .cert(&server.certificate)
        .build2("canary")
        .unwrap();
    let store = file(folder.path(), "server.p12", store.to_der().unwrap());
    let https = ("listeners", "https://127.0.0.1:0");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let chain = text(server.certificate_pem());
    let key = text(server.key_pem());
    let prefixed = "listeners.https.ssl.keystore.location";
    for keys in [
        vec![https, (prefixed, plain.to_str().unwrap())],
        vec![
            https,
            ("ssl.keystore.location", locked.to_str().unwrap()),
            ("ssl.key.password", "canary"),
        ],
        vec![
            https,
            ("ssl.keystore.location", store.to_str().unwrap()),
            ("ssl.keystore.password", "canary"),
        ],
        vec![
            https,
            ("ssl.keystore.certificate.chain", chain.as_str()),
            ("ssl.keystore.key", key.as_str()),
        ],
    ] {
        let address = start(&keys).await[0];
        let answer = get(address, &authority, None, SslVersion::TLS1_3)
            .await
            .unwrap();
        assert_eq!(answer.status, 201, "{keys:?}");
        assert_eq!(
            answer.header("location").unwrap(),
            "https://localhost/connectors/c"
        );
        assert_eq!(
            send(address, "GET", "/", &[], None).await.status,
            0,
            "no plain HTTP"
        );
    }
    let new_only = [
        https,
        ("ssl.keystore.location", plain.to_str().unwrap()),
        ("ssl.enabled.protocols", "TLSv1.3"),
    ];
    let address = start(&new_only).await[0];
    assert!(
        get(address, &authority, None, SslVersion::TLS1_2)
            .await
            .is_none()
    );
    assert!(
        get(address, &authority, None, SslVersion::TLS1_3)
            .await
            .is_some()
    );
}

#[tokio::test]
async fn a_client_that_does_not_agree_on_keys_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = file(folder.path(), "server.pem", authority("server").pem());
    let keys = [
        ("listeners", "https://127.0.0.1:0"),
        ("ssl.keystore.location", server.to_str().unwrap()),
    ];
    let limits = tidegate_rest::limits::Limits {
        header_time: std::time::Duration::from_millis(200),
        connections: 2,
        ..Default::default()
    };
    let server = opened(&keys).await.unwrap().with_limits(limits);
    let address = server.addresses()[0];
    tokio::spawn(server.serve(Arc::new(Fake::default()), std::future::pending()));
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut garbage = TcpStream::connect(address).await.unwrap();
    garbage.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    // Too many: closed without a word.
    let mut third = TcpStream::connect(address).await.unwrap();
    read(&mut third).await;
    read(&mut silent).await;
    read(&mut garbage).await;
}

#[tokio::test]
async fn a_store_that_cannot_work_ends_the_start_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let one = authority("one");
    let other = authority("other");
    let mut mixed = one.certificate_pem();
    mixed.extend(other.key_pem());
    let without_key = one.certificate_pem();
    for (bytes, wanted) in [
        (mixed, "ssl.keystore.location"),
        (without_key, "a certificate and its private key are wanted"),
        (
            vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2],
            "keytool -importkeystore",
        ),
        (b"canary".to_vec(), "ssl.keystore.location"),
        (
            b"-----BEGIN PRIVATE KEY-----\ncanary".to_vec(),
            "ssl.keystore.location",
        ),
    ] {
        let path = file(folder.path(), "store", bytes);
        let keys = [
            ("listeners", "https://127.0.0.1:0"),
            ("ssl.keystore.location", path.to_str().unwrap()),
            ("ssl.keystore.password", "canary"),
        ];
        let error = opened(&keys).await.err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn certificates_of_clients_have_roles() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, stranger] = [(); 2].map(|()| authority("authority"));
    let server = file(
        folder.path(),
        "server.pem",
        signed("server", &authority).pem(),
    );
    let trusted = file(folder.path(), "ca.pem", authority.certificate_pem());
    let mut keys = vec![
        ("listeners", "https://127.0.0.1:0"),
        ("ssl.keystore.location", server.to_str().unwrap()),
        ("ssl.truststore.location", trusted.to_str().unwrap()),
        ("ssl.client.auth", "required"),
    ];
    let ops = signed("ops", &authority);
    let forged = signed("ops", &stranger);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let address = start(&keys).await[0];
        let shown = |shown| get(address, &authority, shown, version);
        assert_eq!(
            shown(Some(&ops)).await.unwrap().status,
            201,
            "as in Kafka Connect"
        );
        assert!(shown(None).await.is_none());
        assert!(shown(Some(&forged)).await.is_none());
    }
    let access = "certificate.ops.role=admin\ncertificate.ops.subject=CN=ops,O=Acme\n\
                  token.t.role=read\ntoken.t.file=";
    let token = file(folder.path(), "token", "a token");
    let access = format!("{access}{}\n", token.display());
    let access = file(folder.path(), "access.properties", access);
    keys.push(("rest.access.file", access.to_str().unwrap()));
    let address = start(&keys).await[0];
    let shown = |shown| get(address, &authority, shown, SslVersion::TLS1_3);
    assert_eq!(shown(Some(&ops)).await.unwrap().status, 201);
    let guest = signed("guest, \"x\"", &authority);
    let answer = shown(Some(&guest)).await.unwrap();
    assert_eq!(answer.status, 403);
    assert!(
        answer.message().contains("CN=guest\\, \\\"x\\\",O=Acme"),
        "{}",
        answer.message()
    );
    let beyond = ("listeners", "https://0.0.0.0:0");
    opened(&[&[beyond], &keys[1..4]].concat()).await.unwrap();
}
