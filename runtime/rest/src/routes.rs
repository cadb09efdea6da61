//! Every route: what it does, whom it is for, and what it takes and answers. Access, the audit log, metrics and the description
//! of the API are made of this table.
//!
//! A route that is not listed here needs the role of an administrator, and a test fails until it is listed.

use axum::http::Method;
use tidegate_config::access::Role;

/// A method of a path, as the router has it.
pub(crate) struct Route {
    /// `GET` stands for `HEAD` too.
    pub(crate) method: &'static str,
    /// The path; `{…}` is any segment.
    pub(crate) path: &'static str,
    /// What a caller has to be.
    pub(crate) role: Role,
    /// Whether it changes something: each call is a line of the audit log.
    pub(crate) changes: bool,
    /// What it does.
    pub(crate) summary: &'static str,
    /// Keys of the query, each with what it does.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// The name of the schema of its body.
    pub(crate) body: Option<&'static str>,
    /// Its answers when all went well: status, and the name of the schema, which is in a list when it ends in `[]`.
    pub(crate) answers: &'static [(u16, Option<&'static str>)],
    /// Its other answers.
    pub(crate) failures: &'static [u16],
}

/// What only looks.
const GET: Route = Route {
    method: "GET",
    path: "-",
    role: Role::Read,
    changes: false,
    summary: "",
    query: &[],
    body: None,
    answers: &[],
    failures: &[],
};

/// What changes something.
const CHANGE: Route = Route {
    method: "-",
    role: Role::Admin,
    changes: true,
    ..GET
};

/// What a caller asks for when no route is listed for it.
pub(crate) const UNLISTED: Route = CHANGE;

/// Asking what methods a path has.
const OPTIONS: Route = Route {
    method: "OPTIONS",
    ..GET
};

/// The only body that is not JSON.
pub(crate) const WASM: &str = "Wasm";
/// The only answer that is not JSON.
pub(crate) const METRICS: &str = "Metrics";

const EXPAND: (&str, &str) = (
    "expand",
    "status or info, or both when it is given twice: the answer has them for each connector.",
);

/// Every route.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        path: "/",
        summary: "The worker: its version and commit, and the id of the Kafka cluster.",
        answers: &[(200, Some("ServerInfo"))],
        ..GET
    },
    Route {
        path: "/health",
        summary: "Whether the worker can do its work. 503 while it starts, 500 when it cannot.",
        answers: &[(200, Some("Health"))],
        ..GET
    },
    Route {
        path: "/metrics",
        summary: "What is measured, as Prometheus reads it.",
        answers: &[(200, Some(METRICS))],
        ..GET
    },
    Route {
        path: "/openapi.json",
        summary: "This description.",
        answers: &[(200, Some("Description"))],
        ..GET
    },
    Route {
        path: "/connectors",
        summary: "The names of all connectors.",
        query: &[EXPAND],
        answers: &[(200, Some("Connectors"))],
        ..GET
    },
    Route {
        method: "POST",
        path: "/connectors",
        summary: "Creates a connector.",
        body: Some("NewConnector"),
        answers: &[(201, Some("ConnectorInfo"))],
        failures: &[409],
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}",
        summary: "A connector with its configuration and tasks.",
        answers: &[(200, Some("ConnectorInfo"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "DELETE",
        path: "/connectors/{name}",
        summary: "Deletes a connector; its tasks end first, its offsets stay.",
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}/config",
        summary: "The configuration of a connector.",
        answers: &[(200, Some("Config"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "PUT",
        path: "/connectors/{name}/config",
        summary: "Creates a connector, or replaces its configuration.",
        body: Some("Config"),
        answers: &[(200, Some("ConnectorInfo")), (201, Some("ConnectorInfo"))],
        failures: &[409],
        ..CHANGE
    },
    Route {
        method: "PATCH",
        path: "/connectors/{name}/config",
        summary: "Changes keys of a connector's configuration; null removes one (KIP-477).",
        body: Some("ConfigChanges"),
        answers: &[(200, Some("ConnectorInfo"))],
        failures: &[404, 409],
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}/status",
        summary: "The states of a connector and its tasks.",
        answers: &[(200, Some("ConnectorStatus"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "POST",
        path: "/connectors/{name}/restart",
        summary: "Restarts a connector and, when asked, its tasks (KIP-745).",
        query: &[
            ("includeTasks", "true: its tasks too. Without it: false."),
            (
                "onlyFailed",
                "true: only what is FAILED. Without it: false.",
            ),
        ],
        answers: &[(202, Some("ConnectorStatus")), (204, None)],
        failures: &[400, 404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        method: "PUT",
        path: "/connectors/{name}/pause",
        summary: "Lets the tasks of a connector wait.",
        answers: &[(202, None)],
        failures: &[400, 404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        method: "PUT",
        path: "/connectors/{name}/resume",
        summary: "Lets a connector run again.",
        answers: &[(202, None)],
        failures: &[400, 404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        method: "PUT",
        path: "/connectors/{name}/stop",
        summary: "Ends the tasks of a connector until it is resumed (KIP-875).",
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}/topics",
        summary: "The topics that a connector used since it was created or they were reset (KIP-558).",
        answers: &[(200, Some("ActiveTopics"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "PUT",
        path: "/connectors/{name}/topics/reset",
        summary: "Forgets the topics that a connector used.",
        answers: &[(202, None)],
        failures: &[400, 404],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}/offsets",
        summary: "Where a connector goes on (KIP-875).",
        answers: &[(200, Some("ConnectorOffsets"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "PATCH",
        path: "/connectors/{name}/offsets",
        summary: "Alters where a stopped connector goes on; a null offset is forgotten.",
        body: Some("ConnectorOffsets"),
        answers: &[(200, Some("Message"))],
        failures: &[404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        method: "DELETE",
        path: "/connectors/{name}/offsets",
        summary: "Lets a stopped connector begin anew.",
        answers: &[(200, Some("Message"))],
        failures: &[400, 404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}/tasks",
        summary: "The tasks of a connector with their configurations.",
        answers: &[(200, Some("TaskInfo[]"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "POST",
        path: "/connectors/{name}/tasks",
        summary: "Between workers of a cluster only; refused.",
        failures: &[400],
        ..CHANGE
    },
    Route {
        method: "PUT",
        path: "/connectors/{name}/fence",
        summary: "Between workers of a cluster only; refused.",
        failures: &[400],
        ..CHANGE
    },
    Route {
        path: "/connectors/{name}/tasks/{task}/status",
        summary: "The state of a task.",
        answers: &[(200, Some("TaskStatus"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "POST",
        path: "/connectors/{name}/tasks/{task}/restart",
        summary: "Restarts a task.",
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        role: Role::Operate,
        ..CHANGE
    },
    Route {
        path: "/connector-plugins",
        summary: "The plugins.",
        query: &[
            (
                "connectorsOnly",
                "false: transforms, predicates and converters too. Without it: true.",
            ),
            (
                "expand",
                "component: the components with their digests and the connectors that use them, instead.",
            ),
        ],
        answers: &[(200, Some("Plugins"))],
        ..GET
    },
    Route {
        method: "POST",
        path: "/connector-plugins",
        summary: "Uploads a component, whose plugins can be used at once. The same one again changes nothing.",
        body: Some(WASM),
        answers: &[(201, Some("Component")), (200, Some("Component"))],
        failures: &[409, 422],
        ..CHANGE
    },
    Route {
        path: "/connector-plugins/{class}",
        summary: "A component, by its digest or by a class of it.",
        query: &[(
            "version",
            "Which version of the class, where there are several.",
        )],
        answers: &[(200, Some("Component"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "DELETE",
        path: "/connector-plugins/{class}",
        summary: "Deletes an uploaded component that no connector uses, by its digest or by a class of it.",
        query: &[(
            "version",
            "Which version of the class, where there are several.",
        )],
        answers: &[(204, None)],
        failures: &[400, 404, 409],
        ..CHANGE
    },
    Route {
        path: "/connector-plugins/{class}/config",
        summary: "The configuration keys of a plugin (KIP-769).",
        query: &[(
            "version",
            "Which version of the plugin, where there are several.",
        )],
        answers: &[(200, Some("ConfigKeyInfo[]"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "PUT",
        path: "/connector-plugins/{class}/config/validate",
        summary: "Checks a connector's configuration without creating it.",
        body: Some("Config"),
        answers: &[(200, Some("ConfigInfos"))],
        failures: &[404],
        role: Role::Operate,
        // It has a plugin run.
        changes: false,
        ..CHANGE
    },
    Route {
        path: "/admin/loggers",
        summary: "All loggers with their levels (KIP-495).",
        answers: &[(200, Some("Loggers"))],
        ..GET
    },
    Route {
        path: "/admin/loggers/{logger}",
        summary: "A logger.",
        answers: &[(200, Some("LoggerLevel"))],
        failures: &[400, 404],
        ..GET
    },
    Route {
        method: "PUT",
        path: "/admin/loggers/{logger}",
        summary: "Sets the level of a logger and of all below it; answers with those that had another one.",
        query: &[(
            "scope",
            "worker, or cluster for all workers that run now (KIP-976). Without it: worker.",
        )],
        body: Some("NewLevel"),
        answers: &[(200, Some("Names")), (204, None)],
        ..CHANGE
    },
];

/// The route of a request.
pub(crate) fn route(method: &Method, path: &str) -> &'static Route {
    if *method == Method::OPTIONS {
        return &OPTIONS;
    }
    let method = match method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    let mut routes = ROUTES.iter();
    let found = routes.find(|route| route.method == method && is_path(route.path, path));
    found.unwrap_or(&UNLISTED)
}

fn is_path(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::router::routed;

    #[test]
    fn every_route_is_listed_and_every_one_listed_is_routed() {
        let routed = routed();
        assert!(
            routed.len() >= 30,
            "the router could not be read: {routed:?}"
        );
        let listed: BTreeSet<_> = ROUTES
            .iter()
            .map(|route| (route.method.to_owned(), route.path.to_owned()))
            .collect();
        assert_eq!(listed.len(), ROUTES.len(), "a route is listed twice");
        let without: Vec<_> = routed.difference(&listed).collect();
        assert!(
            without.is_empty(),
            "say in routes.rs who may call {without:?}, and describe them"
        );
        let stale: Vec<_> = listed.difference(&routed).collect();
        assert!(
            stale.is_empty(),
            "routes.rs lists {stale:?}, which nobody routes"
        );
    }

    #[test]
    fn whoever_only_reads_changes_nothing() {
        for route in ROUTES {
            let reads = route.method == "GET";
            assert_eq!(
                reads,
                route.role == Role::Read,
                "{} {}",
                route.method,
                route.path
            );
            assert!(!(reads && route.changes), "{}", route.path);
        }
    }

    #[test]
    fn a_request_is_matched_as_the_router_matches_it() {
        let path = |method: Method, path| route(&method, path).path;
        assert_eq!(path(Method::HEAD, "/connectors"), "/connectors");
        assert_eq!(path(Method::GET, "/connectors/a%2Fb"), "/connectors/{name}");
        for unlisted in ["/connectors//config", "/connectors/a/b/c", "", "//", "/x"] {
            assert_eq!(path(Method::GET, unlisted), "-", "{unlisted}");
        }
        assert_eq!(route(&Method::DELETE, "/connectors").role, Role::Admin);
        assert_eq!(route(&Method::OPTIONS, "/connectors").role, Role::Read);
    }
}
