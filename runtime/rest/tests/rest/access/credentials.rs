//! Tokens and passwords, and what their roles may do.

use tidegate_rest::password_digest;

use super::*;

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
