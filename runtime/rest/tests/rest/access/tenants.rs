//! Callers that may use some connectors only.

use super::*;

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
