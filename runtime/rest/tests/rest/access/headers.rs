//! Headers of answers, and pages of other origins.

use super::*;

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
