//! The file that says who may call.

use super::log::Log;
use super::*;

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

#[tokio::test]
async fn a_change_between_the_start_and_the_first_request_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, token) = tokens(folder.path());
    let server = opened(&[("rest.access.file", path.to_str().unwrap())]).await;
    let server = server.unwrap();
    let address = server.addresses()[0];
    // A worker opens its plugins before it serves; meanwhile a token is taken back.
    let text = std::fs::read_to_string(&path).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.contains("reader"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&path, without).unwrap();
    tokio::spawn(server.serve(Arc::new(Fake::default()), std::future::pending()));
    let deadline = Instant::now() + Duration::from_secs(20);
    while with(address, "GET", "/connectors", &token("read"))
        .await
        .status
        != 401
    {
        assert!(Instant::now() < deadline, "the token still counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
