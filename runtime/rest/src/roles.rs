//! Which role each route needs, and whether it changes something.
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
}

const fn see(path: &'static str) -> Route {
    Route {
        method: "GET",
        path,
        role: Role::Read,
        changes: false,
    }
}

const fn change(method: &'static str, path: &'static str, role: Role) -> Route {
    Route {
        method,
        path,
        role,
        changes: true,
    }
}

/// What a caller asks for when no route is listed for it.
pub(crate) const UNLISTED: Route = Route {
    method: "-",
    path: "-",
    role: Role::Admin,
    changes: true,
};

/// Asking what methods a path has.
const OPTIONS: Route = Route {
    method: "OPTIONS",
    path: "-",
    role: Role::Read,
    changes: false,
};

/// Every route.
pub(crate) const ROUTES: &[Route] = &[
    see("/"),
    see("/health"),
    see("/openapi.json"),
    see("/admin/loggers"),
    see("/admin/loggers/{logger}"),
    change("PUT", "/admin/loggers/{logger}", Role::Admin),
    see("/metrics"),
    see("/connectors"),
    change("POST", "/connectors", Role::Admin),
    see("/connectors/{name}"),
    change("DELETE", "/connectors/{name}", Role::Admin),
    see("/connectors/{name}/config"),
    change("PUT", "/connectors/{name}/config", Role::Admin),
    change("PATCH", "/connectors/{name}/config", Role::Admin),
    see("/connectors/{name}/status"),
    change("POST", "/connectors/{name}/restart", Role::Operate),
    change("PUT", "/connectors/{name}/pause", Role::Operate),
    change("PUT", "/connectors/{name}/resume", Role::Operate),
    change("PUT", "/connectors/{name}/stop", Role::Operate),
    see("/connectors/{name}/topics"),
    change("PUT", "/connectors/{name}/topics/reset", Role::Operate),
    see("/connectors/{name}/offsets"),
    change("PATCH", "/connectors/{name}/offsets", Role::Operate),
    change("DELETE", "/connectors/{name}/offsets", Role::Operate),
    see("/connectors/{name}/tasks"),
    change("POST", "/connectors/{name}/tasks", Role::Admin),
    change("PUT", "/connectors/{name}/fence", Role::Admin),
    see("/connectors/{name}/tasks/{task}/status"),
    change(
        "POST",
        "/connectors/{name}/tasks/{task}/restart",
        Role::Operate,
    ),
    see("/connector-plugins"),
    change("POST", "/connector-plugins", Role::Admin),
    see("/connector-plugins/{class}"),
    change("DELETE", "/connector-plugins/{class}", Role::Admin),
    see("/connector-plugins/{class}/config"),
    Route {
        // It changes nothing, and has a plugin run.
        method: "PUT",
        path: "/connector-plugins/{class}/config/validate",
        role: Role::Operate,
        changes: false,
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
    fn every_route_has_a_role_and_every_role_a_route() {
        let routed = routed();
        assert!(
            routed.len() >= 20,
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
            "say in roles.rs who may call {without:?}"
        );
        let stale: Vec<_> = listed.difference(&routed).collect();
        assert!(
            stale.is_empty(),
            "roles.rs lists {stale:?}, which nobody routes"
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
