//! The audit log.

use super::log::Log;
use super::*;

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
