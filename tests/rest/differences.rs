//! Where this worker answers otherwise on purpose.

/// A step that is answered otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// The step's name in the recording.
    pub step: &'static str,
    /// The status here.
    pub status: u16,
    /// Why.
    pub reason: &'static str,
    /// What `docs/differences.md` has of it.
    pub told: &'static str,
}

const fn bad_request(step: &'static str, reason: &'static str) -> Difference {
    Difference {
        step,
        status: 400,
        reason,
        told: "a body that cannot be read, or lacks what it needs: 400",
    }
}

const NOT_JSON: &str = "a body that is no JSON is the client's fault, and no error of the server";
const MISSING: &str = "what is missing is named, where the other has a null pointer's text";
const REFUSED: &str = "what a connector refuses is the client's fault";

/// Of both recordings.
pub const DISTRIBUTED: &[Difference] = &[
    Difference {
        step: "validate_class_missing",
        status: 200,
        reason: "the class is in the path; it need not be in the body too",
        told: "`connector.class` need not be given to `validate`",
    },
    Difference {
        step: "validate_class_unknown",
        status: 404,
        reason: "a class that is not there is not found",
        told: "a class that is not there: 404",
    },
    bad_request("create_bad_json", NOT_JSON),
    bad_request("create_json_array", NOT_JSON),
    bad_request("create_empty_body", MISSING),
    bad_request("create_empty_object", MISSING),
    bad_request("create_no_config", MISSING),
    bad_request("create_unknown_field", NOT_JSON),
    bad_request("create_initial_state_invalid", NOT_JSON),
    bad_request("put_config_bad_json", NOT_JSON),
    Difference {
        step: "topics_unknown",
        status: 404,
        reason: "a connector that is not there has no list of topics",
        told: "`topics` of a connector that is not there: 404",
    },
    Difference {
        step: "offsets_patch_negative",
        status: 400,
        reason: REFUSED,
        told: "offsets that a connector or the broker refuses: 400",
    },
    Difference {
        step: "offsets_patch_bad_partition",
        status: 400,
        reason: REFUSED,
        told: "offsets that a connector or the broker refuses: 400",
    },
    bad_request("offsets_patch_bad_json", NOT_JSON),
    Difference {
        step: "offsets_patch_sink_unknown_topic",
        status: 400,
        reason: REFUSED,
        told: "offsets that a connector or the broker refuses: 400",
    },
    Difference {
        step: "logger_set_invalid",
        status: 400,
        reason: "the logger is there; the level is wrong",
        told: "a level that is none: 400",
    },
];

/// Of the recording of a standalone worker only.
pub const STANDALONE: &[Difference] = &[
    Difference {
        step: "restart_unknown",
        status: 404,
        reason: "a distributed worker answers so",
        told: "a connector that is not there: 404",
    },
    Difference {
        step: "restart_task_unknown_connector",
        status: 404,
        reason: "a distributed worker answers so",
        told: "a connector that is not there: 404",
    },
    Difference {
        step: "stop_unknown",
        status: 404,
        reason: "a distributed worker answers so",
        told: "a connector that is not there: 404",
    },
    Difference {
        step: "internal_post_tasks",
        status: 400,
        reason: "a distributed worker answers so",
        told: "requests between workers: 400",
    },
    Difference {
        step: "internal_fence",
        status: 400,
        reason: "a distributed worker answers so",
        told: "requests between workers: 400",
    },
    Difference {
        step: "status_after_restart_task_unknown",
        status: 200,
        reason: "a task that never was has no status",
        told: "restarting a task that is not there leaves nothing behind",
    },
];
