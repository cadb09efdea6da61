//! What a store holds for its guest, and what the guest is given: nothing but clocks, random numbers and a log,
//! and the folders and addresses that were granted.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use tidegate_config::grants::{FolderGrant, Grants};
use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::secrets::Secrets;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::error::SandboxError;
use crate::gate::{Call, HELD_MAX};
use crate::guest_log::{GuestLog, Identity};
use crate::guest_output::{GuestOutput, Stream};
use crate::in_hand::InHand;
use crate::limiter::Limiter;
use crate::network::http::{FIELDS_BYTES_MAX, Http};
use crate::network::{Network, Permit, sockets};
use crate::quota::Quota;
use crate::sandbox::Inner;
use crate::secret_handles::SecretHandles;
use crate::usage::Usage;

/// The most bytes of random numbers in one call.
const RANDOM_BYTES_MAX: u64 = 1024 * 1024;

/// Reads committed source offsets for a source task.
pub trait OffsetReader: Send + Sync {
    /// The source offset (an encoded map) that was committed last for a source partition (an encoded map).
    ///
    /// # Errors
    /// When the offsets cannot be read now; the guest's call then fails and its task is started again.
    fn read(&self, partition: &[u8]) -> Result<Option<Vec<u8>>, String>;
}

/// What a guest is made for.
#[derive(Default)]
pub(crate) struct Purpose<'a> {
    pub(crate) identity: Option<Identity>,
    pub(crate) grants: Option<&'a Grants>,
    pub(crate) offsets: Option<Arc<dyn OffsetReader>>,
    /// What a sink has in hand; nothing for all others.
    pub(crate) in_hand: Arc<InHand>,
    /// Told that a source task asks for its connector's tasks to be divided anew.
    pub(crate) asks: Arc<AtomicBool>,
    /// Whether it is only asked about a configuration, with a small budget.
    pub(crate) is_question: bool,
}

impl Purpose<'_> {
    /// A guest that is granted nothing and only asked about a configuration.
    pub(crate) fn question(identity: Option<&Identity>) -> Self {
        Self {
            identity: identity.cloned(),
            is_question: true,
            ..Self::default()
        }
    }

    /// What its guest says is shown without the secrets that it is given handles of, too: a server may repeat one.
    pub(crate) fn hides_what_it_hands_over(mut self) -> Self {
        if let (Some(identity), Some(grants)) = (&mut self.identity, self.grants) {
            let handed = grants.secrets.iter().map(|secret| secret.value.as_str());
            identity.secrets = identity.secrets.and(&Secrets::of(handed));
        }
        self
    }

    /// A guest that is granted nothing.
    pub(crate) fn of(identity: &Identity) -> Self {
        Self {
            identity: Some(identity.clone()),
            ..Self::default()
        }
    }
}

/// The data of a store.
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    pub(crate) log: GuestLog,
    pub(crate) usage: Arc<Usage>,
    pub(crate) offsets: Option<Arc<dyn OffsetReader>>,
    pub(crate) in_hand: Arc<InHand>,
    pub(crate) asks: Arc<AtomicBool>,
    pub(crate) table: ResourceTable,
    pub(crate) network: Network,
    /// The guest's own sockets.
    pub(crate) sockets: HashMap<u32, Permit>,
    pub(crate) secrets: Arc<SecretHandles>,
    pub(crate) quota: Quota,
    /// The most bytes that a host function may answer with.
    pub(crate) input_bytes_max: usize,
    pub(crate) call: Call,
    /// The most that waiting for others adds to the time of a call.
    held_max: Duration,
    /// Knows the deadline of the call that runs.
    http: Http,
    http_context: WasiHttpCtx,
    wasi: WasiCtx,
}

impl State {
    pub(crate) fn new(
        sandbox: &Inner,
        limits: &GuestLimits,
        purpose: Purpose<'_>,
    ) -> Result<Self, SandboxError> {
        let usage = purpose.identity.as_ref();
        let usage = usage.map_or_else(Arc::default, |identity| Arc::clone(&identity.usage));
        let share = purpose.identity.as_ref();
        let share = share.map_or_else(Arc::default, |identity| Arc::clone(&identity.share));
        let refusals = match &purpose.identity {
            Some(identity) => sandbox.refusals.of(identity),
            None => Arc::default(),
        };
        usage.set_refusals(&refusals);
        let secrets = purpose
            .grants
            .map(|grants| SecretHandles::new(&grants.secrets));
        let secrets = Arc::new(secrets.unwrap_or_default());
        let log = GuestLog::new(purpose.identity, limits.log);
        let quota = Quota::new(purpose.grants, &refusals);
        let idle = Arc::default();
        let network = Network::new(
            &sandbox.network,
            purpose.grants,
            refusals,
            log.clone(),
            &idle,
        );
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources_max);
        let mut http_context = WasiHttpCtx::new();
        http_context.set_field_size_limit(FIELDS_BYTES_MAX);
        Ok(Self {
            limiter: if purpose.is_question {
                Limiter::of_question(limits)
            } else {
                Limiter::new(limits.memory_bytes_max, limits.table_elements_max)
            },
            wasi: wasi(&log, purpose.grants, &network)?,
            http: Http {
                network: network.clone(),
                secrets: Arc::clone(&secrets),
                idle,
                deadline: Instant::now(),
            },
            http_context,
            sockets: HashMap::new(),
            secrets,
            quota,
            input_bytes_max: limits.call_input_bytes_max,
            network,
            log,
            held_max: if purpose.is_question {
                Duration::ZERO
            } else {
                HELD_MAX
            },
            call: Call::none(&sandbox.gate, share, Arc::clone(&usage)),
            usage,
            offsets: purpose.offsets,
            in_hand: purpose.in_hand,
            asks: purpose.asks,
            table,
        })
    }

    /// Until when the call that runs may wait inside the host.
    pub(crate) fn deadline(&self) -> Instant {
        self.http.deadline
    }

    /// A call begins. A guest that is only asked something has its time by the clock.
    pub(crate) fn begin(&mut self, limit: Duration) {
        let deadline = self.call.begin(limit, self.held_max);
        self.set_deadline(deadline);
    }

    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.http.deadline = deadline;
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http,
            table: &mut self.table,
            ctx: &mut self.http_context,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

fn wasi(
    log: &GuestLog,
    grants: Option<&Grants>,
    network: &Network,
) -> Result<WasiCtx, SandboxError> {
    let mut builder = WasiCtxBuilder::new();
    // Calls run on threads that may block, so files are read where the call runs, without a detour through a
    // pool of threads. Set before the folders, which remember it.
    builder.allow_blocking_current_thread(true);
    builder.max_random_size(RANDOM_BYTES_MAX);
    builder.stdout(GuestOutput::new(Stream::Output, log.clone()));
    builder.stderr(GuestOutput::new(Stream::Error, log.clone()));
    sockets::allow(&mut builder, network);
    for folder in grants.map_or([].as_slice(), |grants| grants.folders.as_slice()) {
        preopen(&mut builder, folder)?;
    }
    Ok(builder.build())
}

/// Opens a folder if it is still where the policy found it: a link may have been changed since.
fn open_there(path: &Path, real: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    if std::fs::read_link(descriptor_path(&folder))? == real {
        Ok(folder)
    } else {
        Err(std::io::Error::other(
            "it is not where it was when the worker's policy allowed it",
        ))
    }
}

/// The path by which this process reaches what it has opened.
fn descriptor_path(opened: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", opened.as_raw_fd()).into()
}

/// Opens a granted folder under its absolute path, and under the path from the worker's current folder when it
/// is below: whichever way the configuration wrote it, the guest opens it unchanged.
fn preopen(builder: &mut WasiCtxBuilder, folder: &FolderGrant) -> Result<(), SandboxError> {
    let refuse = |reason: &str| {
        SandboxError::Grant(format!(
            "the folder {} that the configuration names cannot be granted: {reason}",
            folder.path.display()
        ))
    };
    let absolute = folder
        .path
        .to_str()
        .ok_or_else(|| refuse("its name is not valid UTF-8"))?;
    let permissions = if folder.writable {
        FsPerms::ReadWrite
    } else {
        FsPerms::ReadOnly
    };
    // Held until the folder is opened for the guest by way of it.
    let opened = folder.real.as_deref().map(|real| {
        open_there(&folder.path, real).map_err(|error| refuse(&format!("{error}; start it again")))
    });
    let opened = opened.transpose()?;
    let place = match &opened {
        Some(opened) => descriptor_path(opened),
        None => folder.path.clone(),
    };
    let current = std::env::current_dir().ok();
    let relative = current
        .as_deref()
        .and_then(|current| folder.path.strip_prefix(current).ok()?.to_str())
        .map(|relative| if relative.is_empty() { "." } else { relative });
    for name in [Some(absolute), relative].into_iter().flatten() {
        builder
            .preopened_dir(&place, name, permissions)
            .map_err(|error| refuse(&format!("{error}; create it or correct the configuration")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tidegate_config::grants::Secret;
    use tidegate_model::ConnectorName;

    use super::*;

    #[test]
    fn a_secret_that_a_server_repeats_is_hidden_again() {
        let grants = Grants {
            secrets: vec![Secret {
                key: "token".to_owned(),
                value: "canary".to_owned(),
            }],
            ..Grants::default()
        };
        let identity = Identity {
            connector: ConnectorName::parse("c").unwrap(),
            task: None,
            usage: Default::default(),
            share: Default::default(),
            secrets: Secrets::of(["password-7"]),
        };
        let purpose = Purpose {
            grants: Some(&grants),
            ..Purpose::of(&identity)
        };
        let secrets = purpose.hides_what_it_hands_over().identity.unwrap().secrets;
        assert_eq!(
            secrets.redact("canary password-7 word"),
            "[hidden] [hidden] word"
        );
    }
}
