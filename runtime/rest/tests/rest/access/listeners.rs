//! Where the server listens, and for whom.

use super::*;

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
