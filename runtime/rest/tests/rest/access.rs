//! Who may call: tokens, passwords, certificates, roles, the audit log, and listening beyond loopback.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use tidegate_config::Properties;
use tidegate_config::rest::RestConfig;
use tidegate_config::worker::{Listener, WorkerConfig};
use tidegate_rest::{RestError, Server, new_token, password_digest};

use crate::support::{Answer, Fake, read, send};

const CONNECTOR: &str = r#"{"name": "c", "config": {"connector.class": "C"}}"#;

/// The worker's configuration of some keys, and of a listener of its own.
fn config(pairs: &[(&str, &str)]) -> (Vec<Listener>, RestConfig) {
    let mut keys: Properties = [
        ("key.converter", "K"),
        ("value.converter", "V"),
        ("listeners", "http://127.0.0.1:0"),
    ]
    .iter()
    .chain(pairs)
    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
    .collect();
    keys.retain(|_, value| !value.is_empty());
    let (config, _) = WorkerConfig::standalone(keys).unwrap();
    (config.listeners, config.rest)
}

async fn opened(pairs: &[(&str, &str)]) -> Result<Server, RestError> {
    let (listeners, rest) = config(pairs);
    Server::open(&listeners, &rest).await
}

/// Serves as long as the test's runtime lives.
async fn start(pairs: &[(&str, &str)]) -> Vec<SocketAddr> {
    let server = opened(pairs).await.unwrap();
    let addresses = server.addresses();
    tokio::spawn(server.serve(Arc::new(Fake::default()), std::future::pending()));
    addresses
}

fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(text.as_ref()).unwrap();
    path
}

fn basic(user: &str, password: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {text}")
}

async fn with(address: SocketAddr, method: &str, path: &str, authorization: &str) -> Answer {
    let headers = [("authorization", authorization)];
    let body = (method == "POST" || method == "PUT").then_some(CONNECTOR);
    send(address, method, path, &headers, body).await
}

/// A file with a token of each role; the tokens by their role.
fn tokens(folder: &Path) -> (PathBuf, impl Fn(&str) -> String) {
    let mut text = String::new();
    let mut tokens = Vec::new();
    for role in ["read", "operate", "admin"] {
        let (token, digest) = new_token().unwrap();
        text.push_str(&format!(
            "token.{role}er.role={role}\ntoken.{role}er.sha256={digest}\n"
        ));
        tokens.push((role, token));
    }
    let of = move |role: &str| {
        let found = tokens.iter().find(|(known, _)| *known == role);
        format!("Bearer {}", found.unwrap().1)
    };
    (file(folder, "access.properties", text), of)
}

#[tokio::test]
async fn a_token_may_do_what_its_role_says() {
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    for (role, method, path, wanted) in [
        ("read", "GET", "/connectors", 200),
        ("read", "PUT", "/connectors/c/pause", 403),
        ("read", "POST", "/connectors", 403),
        ("operate", "POST", "/connectors", 403),
        ("operate", "DELETE", "/connectors/c", 403),
        ("admin", "POST", "/connectors", 201),
        ("operate", "PUT", "/connectors/c/pause", 202),
        ("operate", "GET", "/nowhere", 403),
        ("admin", "GET", "/nowhere", 404),
        ("read", "HEAD", "/connectors/c", 200),
        ("read", "OPTIONS", "/connectors/c", 200),
        ("admin", "DELETE", "/connectors/c", 204),
    ] {
        let answer = with(address, method, path, &token(role)).await;
        assert_eq!(answer.status, wanted, "{role} {method} {path}: {answer:?}");
    }
    let answer = with(address, "PUT", "/connectors/c/pause", &token("read")).await;
    assert_eq!(
        answer.message(),
        "reader has the role read; this needs the role operate"
    );
}

#[tokio::test]
async fn who_shows_nothing_or_something_wrong_hears_401_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    let good = token("admin");
    let cut = &good[..good.len() - 1];
    let longer = format!("{good}0");
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer canary",
        "Digest x",
        "Basic %%%",
        "Basic Y2FuYXJ5",
        &basic("admin", "canary"),
        &basic("", ""),
        cut,
        &longer,
        &"Bearer x".repeat(500),
    ] {
        for path in ["/connectors", "/nowhere", "/health"] {
            let answer = with(address, "GET", path, wrong).await;
            assert_eq!(answer.status, 401, "{wrong}");
            assert_eq!(answer.message(), "User cannot access the resource.");
            assert!(
                answer.head.contains("Basic realm=\"tidegate\""),
                "{answer:?}"
            );
        }
    }
    assert_eq!(send(address, "GET", "/", &[], None).await.status, 401);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2_000_000));
    let answer = send(address, "POST", "/connectors", &[], Some(&large)).await;
    assert_eq!(answer.status, 401, "before the body is read");
}

#[tokio::test]
async fn passwords_are_known_by_digest_or_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let secret = file(folder.path(), "bob", "pass:word\n");
    let digest = password_digest("grün").unwrap();
    let access = format!(
        "user.alice.role=admin\nuser.alice.password={digest}\nuser.bob.role=read\nuser.bob.file={}\n",
        secret.display()
    );
    let path = file(folder.path(), "access.properties", access);
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    for (user, password, wanted) in [
        ("alice", "grün", 200),
        ("alice", "grün", 200),
        ("alice", "gruen", 401),
        ("alice", "", 401),
        ("bob", "pass:word", 200),
        ("bob", "pass:word\n", 401),
        ("carol", "grün", 401),
        ("carol", "", 401),
    ] {
        let answer = with(address, "GET", "/connectors", &basic(user, password)).await;
        assert_eq!(answer.status, wanted, "{user} {password}");
    }
    let answer = with(address, "POST", "/connectors", &basic("bob", "pass:word")).await;
    assert_eq!(answer.status, 403);
}

/// Each wrong password costs a slow digest, of which two are computed at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_wrong_passwords_keeps_nobody_else_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let digest = password_digest("right").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let text = format!("{text}user.alice.role=read\nuser.alice.password={digest}\n");
    std::fs::write(&path, text).unwrap();
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    let right = basic("alice", "right");
    let answer = with(address, "GET", "/connectors", &right).await;
    assert_eq!(answer.status, 200);
    let flood: Vec<_> = (0..40)
        .map(|number| {
            let wrong = basic(if number % 2 == 0 { "alice" } else { "nobody" }, "wrong");
            tokio::spawn(async move { with(address, "GET", "/connectors", &wrong).await.status })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for shown in [token("read"), right].iter().cycle().take(20) {
        let begun = Instant::now();
        assert_eq!(with(address, "GET", "/connectors", shown).await.status, 200);
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    for wrong in flood {
        let status = wrong.await.unwrap();
        assert!(status == 401 || status == 503, "{status}");
    }
}

#[tokio::test]
async fn the_extension_of_kafka_connect_is_known_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let users = file(
        folder.path(),
        "users",
        "thing1=super\\=secret\nthing2: two\n",
    );
    let address = start(&[
        (
            "rest.extension.classes",
            "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
        ),
        ("rest.extension.basic.auth.file", users.to_str().unwrap()),
    ])
    .await[0];
    let answer = with(
        address,
        "POST",
        "/connectors",
        &basic("thing1", "super=secret"),
    )
    .await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        with(address, "GET", "/", &basic("thing2", "two"))
            .await
            .status,
        200
    );
    let answer = with(address, "GET", "/", &basic("thing1", "two")).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_file_that_cannot_work_ends_the_start_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    for (text, wanted) in [
        (
            "token.x.role=read\ntoken.x.sha256=canary",
            "64 hexadecimal digits",
        ),
        ("user.x.role=read\nuser.x.password=canary", "pbkdf2-sha256$"),
        ("user.x.role=read\nuser.x.file=/nowhere/x", "cannot be read"),
        ("", "names nobody"),
        (
            "certificate.x.role=read\ncertificate.x.subject=CN=x",
            "ssl.client.auth",
        ),
    ] {
        let path = file(folder.path(), "access.properties", text);
        let opened = opened(&[("rest.access.file", path.to_str().unwrap())]).await;
        let error = opened.err().unwrap().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
        assert!(!error.contains("canary"), "{text}: {error}");
    }
    let missing = opened(&[("rest.access.file", "/nowhere/access")]).await;
    assert!(missing.is_err());
}

#[tokio::test]
async fn a_file_that_everyone_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let log = Log::of_the_process();
    let folder = tempfile::tempdir().unwrap();
    for (name, mode) in [("open.properties", 0o644), ("closed.properties", 0o640)] {
        let (path, _) = tokens(folder.path());
        let named = folder.path().join(name);
        std::fs::rename(path, &named).unwrap();
        std::fs::set_permissions(&named, std::fs::Permissions::from_mode(mode)).unwrap();
        opened(&[("rest.access.file", named.to_str().unwrap())])
            .await
            .unwrap();
    }
    let text = log.text();
    let told = |name: &str| {
        let path = folder.path().join(name);
        text.lines().any(|line| {
            line.contains("may read this file") && line.contains(path.to_str().unwrap())
        })
    };
    assert!(
        told("open.properties") && !told("closed.properties"),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_listens_beyond_loopback_for_everyone_unless_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = tokens(folder.path());
    for beyond in ["http://0.0.0.0:0", "http://:0", "http://[::]:0"] {
        let error = opened(&[("listeners", beyond)]).await.err().unwrap();
        assert!(matches!(error, RestError::Open { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("rest.unauthenticated.beyond.loopback=true"),
            "{text}"
        );
        let told = [
            ("listeners", beyond),
            ("rest.unauthenticated.beyond.loopback", "true"),
        ];
        if beyond != "http://[::]:0" {
            opened(&told).await.unwrap();
            let access = ("rest.access.file", path.to_str().unwrap());
            opened(&[("listeners", beyond), access]).await.unwrap();
        }
    }
    let beside = [("admin.listeners", "http://0.0.0.0:0")];
    assert!(opened(&beside).await.is_err());
    for loopback in ["http://localhost:0", "http://127.0.0.2:0"] {
        opened(&[("listeners", loopback)]).await.unwrap();
    }
}

#[tokio::test]
async fn admin_has_listeners_of_its_own() {
    let addresses = start(&[("admin.listeners", "http://127.0.0.1:0")]).await;
    let [all, admin] = addresses[..] else {
        panic!("{addresses:?}")
    };
    assert_eq!(send(all, "GET", "/connectors", &[], None).await.status, 200);
    assert_eq!(
        send(admin, "GET", "/connectors", &[], None).await.status,
        404
    );
    let answer = send(all, "GET", "/admin/loggers", &[], None).await;
    assert_eq!(answer.message(), "HTTP 404 Not Found");
}

#[tokio::test]
async fn answers_have_the_headers_that_were_asked_for() {
    let headers = "set X-Frame-Options: DENY, add X-A: b, setDate Expires: 0";
    let address = start(&[("response.http.headers.config", headers)]).await[0];
    for path in ["/", "/nowhere"] {
        let answer = send(address, "GET", path, &[], None).await;
        assert_eq!(answer.header("x-frame-options").unwrap(), "DENY");
        assert_eq!(answer.header("x-a").unwrap(), "b");
        assert!(answer.header("expires").unwrap().ends_with(" GMT"));
    }
}

#[tokio::test]
async fn pages_of_named_origins_may_use_named_methods() {
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let address = start(&[
        ("access.control.allow.origin", "https://good"),
        ("access.control.allow.methods", "GET,PUT,POST"),
        ("rest.access.file", path.to_str().unwrap()),
    ])
    .await[0];
    let asked = |origin, method| {
        [
            ("origin", origin),
            ("access-control-request-method", method),
        ]
    };
    let answer = send(
        address,
        "OPTIONS",
        "/connectors",
        &asked("https://good", "PUT"),
        None,
    )
    .await;
    assert_eq!(answer.status, 200, "browsers ask without a token");
    assert_eq!(
        answer.header("access-control-allow-origin").unwrap(),
        "https://good"
    );
    assert_eq!(
        answer.header("access-control-allow-methods").unwrap(),
        "GET,PUT,POST"
    );
    for (origin, method) in [("https://evil", "PUT"), ("https://good", "DELETE")] {
        let answer = send(
            address,
            "OPTIONS",
            "/connectors",
            &asked(origin, method),
            None,
        )
        .await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let token = token("admin");
    for (origin, method, path, wanted) in [
        ("https://good", "POST", "/connectors", 201),
        ("https://evil", "POST", "/connectors", 403),
        ("https://good", "DELETE", "/connectors/c", 403),
    ] {
        let headers = [("origin", origin), ("authorization", token.as_str())];
        let body = (method == "POST").then_some(CONNECTOR);
        let answer = send(address, method, path, &headers, body).await;
        assert_eq!(answer.status, wanted, "{origin} {method}");
    }
}

/// What all tests of this process log, as text: a subscriber of one thread would miss what others saw first.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_the_process() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let written = log.clone();
            tracing_subscriber::fmt()
                .with_writer(move || written.clone())
                .with_ansi(false)
                .init();
            log
        });
        &LOG
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_change_is_a_line_of_the_audit_log_without_secrets() {
    let log = Log::of_the_process();
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("token.", "token.audited-")).unwrap();
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    with(address, "GET", "/connectors/audited", &token("read")).await;
    with(address, "POST", "/connectors", &token("admin")).await;
    with(address, "PUT", "/connectors/c/pause", &token("operate")).await;
    with(
        address,
        "DELETE",
        "/connectors/c%0AERROR%20fake",
        &token("read"),
    )
    .await;
    with(address, "DELETE", "/connectors/none", &token("admin")).await;
    with(address, "DELETE", "/connectors/audited", "Bearer canary").await;
    let text = log.text();
    let is_ours = |line: &&str| line.contains(" audit: ") && line.contains("audited");
    let lines: Vec<_> = text.lines().filter(is_ours).collect();
    let wanted: [&[&str]; 5] = [
        &[
            "done",
            "who=audited-adminer",
            "by=\"token\"",
            "method=POST",
            "made=\"/connectors/c\"",
            "status=201",
        ],
        &[
            "done",
            "who=audited-operateer",
            "path=/connectors/c/pause",
            "status=202",
            "from=\"127.0.0.1:",
        ],
        &[
            "may not do this",
            "who=audited-reader",
            "path=/connectors/c%0AERROR%20fake",
            "status=403",
        ],
        &[
            "not done",
            "who=audited-adminer",
            "path=/connectors/none",
            "status=404",
        ],
        &["not shown who asks", "who=-", "status=401"],
    ];
    assert_eq!(lines.len(), wanted.len(), "{text}");
    for (line, wanted) in lines.iter().zip(wanted) {
        for part in wanted {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
    assert!(
        !text.contains("canary") && !text.contains(&token("admin")[7..]),
        "{text}"
    );
}

mod tls {
    use openssl::asn1::Asn1Time;
    use openssl::bn::BigNum;
    use openssl::hash::MessageDigest;
    use openssl::pkcs12::Pkcs12;
    use openssl::pkey::{PKey, Private};
    use openssl::rsa::Rsa;
    use openssl::ssl::{Ssl, SslConnector, SslMethod, SslVerifyMode, SslVersion};
    use openssl::symm::Cipher;
    use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
    use openssl::x509::{X509, X509Name};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;
    use tokio_openssl::SslStream;

    use super::*;

    struct Signed {
        certificate: X509,
        key: PKey<Private>,
    }

    /// A certificate of this name, signed by another or by itself.
    fn certificate(name: &str, by: Option<&Signed>) -> Signed {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut subject = X509Name::builder().unwrap();
        subject.append_entry_by_text("O", "Acme").unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let mut serial = BigNum::new().unwrap();
        serial
            .rand(64, openssl::bn::MsbOption::MAYBE_ZERO, false)
            .unwrap();
        let serial = serial.to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&subject).unwrap();
        let issuer = by.map_or(&*subject, |by| by.certificate.subject_name());
        builder.set_issuer_name(issuer).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder
            .set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::days_from_now(2).unwrap())
            .unwrap();
        if by.is_none() {
            let constraints = BasicConstraints::new().critical().ca().build().unwrap();
            builder.append_extension(constraints).unwrap();
        } else {
            let context = builder.x509v3_context(None, None);
            let names = SubjectAlternativeName::new()
                .dns("localhost")
                .build(&context)
                .unwrap();
            builder.append_extension(names).unwrap();
        }
        let signer = by.map_or(&key, |by| &by.key);
        builder.sign(signer, MessageDigest::sha256()).unwrap();
        Signed {
            certificate: builder.build(),
            key,
        }
    }

    fn pem(signed: &Signed) -> Vec<u8> {
        let mut pem = signed.certificate.to_pem().unwrap();
        pem.extend(signed.key.private_key_to_pem_pkcs8().unwrap());
        pem
    }

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
        let authority = certificate("authority", None);
        let server = certificate("server", Some(&authority));
        let plain = file(folder.path(), "server.pem", pem(&server));
        let mut locked = server.certificate.to_pem().unwrap();
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
        let chain = text(server.certificate.to_pem().unwrap());
        let key = text(server.key.private_key_to_pem_pkcs8().unwrap());
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
        let server = file(
            folder.path(),
            "server.pem",
            pem(&certificate("server", None)),
        );
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
        let one = certificate("one", None);
        let other = certificate("other", None);
        let mut mixed = one.certificate.to_pem().unwrap();
        mixed.extend(other.key.private_key_to_pem_pkcs8().unwrap());
        let without_key = one.certificate.to_pem().unwrap();
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
        let authority = certificate("authority", None);
        let stranger = certificate("authority", None);
        let server = file(
            folder.path(),
            "server.pem",
            pem(&certificate("server", Some(&authority))),
        );
        let trusted = file(
            folder.path(),
            "ca.pem",
            authority.certificate.to_pem().unwrap(),
        );
        let mut keys = vec![
            ("listeners", "https://127.0.0.1:0"),
            ("ssl.keystore.location", server.to_str().unwrap()),
            ("ssl.truststore.location", trusted.to_str().unwrap()),
            ("ssl.client.auth", "required"),
        ];
        let ops = certificate("ops", Some(&authority));
        let forged = certificate("ops", Some(&stranger));
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
        let guest = certificate("guest, \"x\"", Some(&authority));
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
}

/// A file with a token that may do everything with the connectors of one tenant, and one that may do everything.
fn tenants(folder: &Path) -> (PathBuf, String, String) {
    let ((one, one_digest), (all, all_digest)) = (new_token().unwrap(), new_token().unwrap());
    let text = format!(
        "token.tenant.role=admin\ntoken.tenant.sha256={one_digest}\ntoken.tenant.connectors=mine-*, c\n\
         token.platform.role=admin\ntoken.platform.sha256={all_digest}\n"
    );
    let path = file(folder, "access.properties", text);
    (path, format!("Bearer {one}"), format!("Bearer {all}"))
}

#[tokio::test]
async fn whoever_may_use_some_connectors_sees_and_changes_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (path, tenant, platform) = tenants(folder.path());
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    let create = async |who: &str, name: &str| {
        let body = format!(r#"{{"name": "{name}", "config": {{"connector.class": "C"}}}}"#);
        let headers = [("authorization", who)];
        send(address, "POST", "/connectors", &headers, Some(&body)).await
    };
    assert_eq!(create(&platform, "theirs").await.status, 201);
    assert_eq!(create(&tenant, "mine-1").await.status, 201);
    let refused = create(&tenant, "theirs-2").await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.message(),
        "tenant may use the connectors mine-*, c; this one is not among them"
    );

    // Every route of a connector, whether it is there or not.
    let described = with(address, "GET", "/openapi.json", &tenant).await.json();
    let mut routes = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/connectors/{name}") else {
            continue;
        };
        let rest = rest.replace("{task}", "0");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                continue;
            }
            routes += 1;
            for name in ["theirs", "nowhere", "%74heirs"] {
                let path = format!("/connectors/{name}{rest}");
                let answer = with(address, &method, &path, &tenant).await;
                assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
            }
        }
    }
    assert!(routes >= 18, "{routes}");
    let answer = with(address, "GET", "/connectors/mine-1/status", &tenant).await;
    assert_eq!(answer.status, 200);
    let answer = with(address, "GET", "/connectors/mine-2/status", &tenant).await;
    assert_eq!(answer.status, 404);
    for (who, wanted) in [(&tenant, 1), (&platform, 2)] {
        let all = with(address, "GET", "/connectors", who).await.json();
        assert_eq!(all.as_array().unwrap().len(), wanted, "{all}");
        let all = with(address, "GET", "/connectors?expand=info", who)
            .await
            .json();
        assert_eq!(all.as_object().unwrap().len(), wanted, "{all}");
    }

    // What is about all of the worker.
    for (method, path) in [("GET", "/metrics"), ("PUT", "/admin/loggers/root")] {
        let answer = with(address, method, path, &tenant).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert_ne!(with(address, method, path, &platform).await.status, 403);
    }

    // Components: who uploaded them, and who uses them.
    let upload = async |who: &str, bytes: &str| {
        let headers = [("authorization", who), ("content-type", "application/wasm")];
        let answer = send(address, "POST", "/connector-plugins", &headers, Some(bytes)).await;
        answer.json()
    };
    let info = upload(&tenant, "one").await;
    assert_eq!(info["owner"], "token tenant");
    assert_eq!(info["connectors"], serde_json::json!(["mine-1"]));
    let info = upload(&platform, "two").await;
    assert_eq!(info["owner"], serde_json::Value::Null);
    assert_eq!(info["connectors"].as_array().unwrap().len(), 2);
    for (who, wanted) in [(&tenant, 403), (&platform, 204)] {
        let answer = with(address, "DELETE", "/connector-plugins/others", who).await;
        assert_eq!(answer.status, wanted);
    }
}

#[tokio::test]
async fn who_may_call_is_read_again_when_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let address = start(&[("rest.access.file", path.to_str().unwrap())]).await[0];
    let becomes = async |token: &str, wanted: u16| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while with(address, "GET", "/connectors", token).await.status != wanted {
            assert!(Instant::now() < deadline, "{wanted} did not come");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    becomes(&token("read"), 200).await;
    // A file that cannot work changes nothing.
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, "token.x.role=none\n").unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    becomes(&token("read"), 200).await;
    // One token is taken away, another comes.
    let (new, digest) = new_token().unwrap();
    let without: String = before
        .lines()
        .filter(|line| !line.contains("reader"))
        .map(|line| format!("{line}\n"))
        .collect();
    let text = format!("{without}token.new.role=read\ntoken.new.sha256={digest}\n");
    std::fs::write(&path, text).unwrap();
    becomes(&token("read"), 401).await;
    becomes(&format!("Bearer {new}"), 200).await;
    becomes(&token("admin"), 200).await;
}
