//! The sandbox: the engine, the deadlines' clock, the cache, and the way from a component's bytes to a plugin.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::cache::{About, Cache};
use crate::compile::compile;
use crate::digest::Digest;
use crate::engine::{compatibility, engine};
use crate::error::SandboxError;
use crate::gate::Gate;
use crate::guest_log::Identity;
use crate::host_functions::linker;
use crate::network::control_plane::ControlPlane;
use crate::network::refusals::{AllRefusals, Refusals};
use crate::network::tls::Tls;
use crate::network::{Shared, system_names};
use crate::plugin::{Loaded, Plugin};
use crate::settings::Settings;
use crate::shape;
use crate::state::State;
use crate::ticker::Ticker;

/// How many components are remembered (loaded or refused) before those no longer used are forgotten.
const REMEMBERED_MAX: usize = 1_000;

/// The sandbox; cheap to clone.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) gate: Arc<Gate>,
    pub(crate) network: Arc<Shared>,
    pub(crate) refusals: AllRefusals,
    linker: Linker<State>,
    cache: Cache,
    components: Mutex<HashMap<Digest, Arc<Mutex<Known>>>>,
    /// Held while a component is compiled: one at a time, however many are uploaded at once.
    compiling: Mutex<()>,
}

/// What is known of a component.
enum Known {
    Nothing,
    Loaded(Weak<Loaded>),
    Refused(SandboxError),
}

impl Sandbox {
    /// Starts the engine and opens the cache folder.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly, or the cache folder is not private.
    pub fn new(settings: Settings) -> Result<Self, SandboxError> {
        let engine = engine(settings.limits.stack_bytes_max)?;
        let cache = Cache::open(&settings.cache_dir, compatibility(&engine))?;
        let linker = linker(&engine)
            .map_err(|error| SandboxError::Internal(format!("linking WASI: {error:#}")))?;
        Ok(Self(Arc::new(Inner {
            ticker: Ticker::start(&engine)?,
            gate: Arc::new(Gate::of_this_machine()),
            network: Arc::new(Shared {
                control: ControlPlane::new(&settings.control_plane),
                tls: Tls::new(settings.truststore.clone()),
                connections_max: settings.limits.connections_max,
                response_bytes_max: settings.limits.response_bytes_max,
                names: system_names(),
            }),
            refusals: AllRefusals::default(),
            settings,
            engine,
            linker,
            cache,
            components: Mutex::default(),
            compiling: Mutex::default(),
        })))
    }

    /// What the guests of a task were refused, counted over all its restarts.
    #[must_use]
    pub fn refusals(&self, identity: &Identity) -> Arc<Refusals> {
        self.0.refusals.of(identity)
    }

    /// Loads a component: takes it from the cache, or checks, compiles and describes it. Loading the same
    /// component at the same time compiles it once; one that was refused stays refused.
    ///
    /// # Errors
    /// When it is no plugin, cannot be compiled within the limits, or does not describe itself as agreed.
    pub fn load(&self, component: &[u8]) -> Result<Plugin, SandboxError> {
        let digest = Digest::of(component);
        let slot = self.slot(digest);
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Known::Refused(error) => return Err(error.clone()),
            Known::Loaded(loaded) => {
                if let Some(loaded) = loaded.upgrade() {
                    return Ok(Plugin::new(loaded));
                }
            }
            Known::Nothing => {}
        }
        match self.load_new(digest, component) {
            Ok(loaded) => {
                *known = Known::Loaded(Arc::downgrade(&loaded));
                Ok(Plugin::new(loaded))
            }
            Err(error) => {
                // A full disk or a machine that is too busy passes; a bad component stays bad.
                let passes = matches!(
                    error,
                    SandboxError::Io(_) | SandboxError::Internal(_) | SandboxError::Deadline { .. }
                );
                if !passes {
                    *known = Known::Refused(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Loads a component from a file.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`Sandbox::load`].
    pub fn load_file(&self, path: &Path) -> Result<Plugin, SandboxError> {
        let io = |error: std::io::Error| {
            SandboxError::Io(format!(
                "the file {} cannot be read: {error}",
                path.display()
            ))
        };
        let mut component = Vec::new();
        File::open(path)
            .map_err(io)?
            .take(self.0.settings.compile.component_bytes_max as u64 + 1)
            .read_to_end(&mut component)
            .map_err(io)?;
        self.load(&component)
    }

    fn slot(&self, digest: Digest) -> Arc<Mutex<Known>> {
        let mut components = self
            .0
            .components
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if components.len() >= REMEMBERED_MAX {
            components.retain(|_, slot| Arc::strong_count(slot) > 1 || in_use(slot));
        }
        let slot = components
            .entry(digest)
            .or_insert_with(|| Arc::new(Mutex::new(Known::Nothing)));
        Arc::clone(slot)
    }

    fn load_new(&self, digest: Digest, bytes: &[u8]) -> Result<Arc<Loaded>, SandboxError> {
        let inner = &self.0;
        if let Some(compiled) = inner.cache.read(digest) {
            match self.deserialize(compiled.code()) {
                Ok(component) => {
                    return Loaded::new(
                        Arc::clone(inner),
                        &inner.linker,
                        digest,
                        bytes.len(),
                        &component,
                        Some(compiled.about),
                    );
                }
                Err(error) => tracing::warn!(
                    digest = %digest,
                    "a cached compiled component cannot be loaded ({error}); it is compiled again"
                ),
            }
        }
        shape::check(bytes, &inner.settings.compile)?;
        let started = Instant::now();
        let code = {
            let _one_at_a_time = inner
                .compiling
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            compile(
                &inner.settings.compiler,
                &inner.settings.compile,
                &inner.engine,
                inner.cache.dir(),
                bytes,
            )?
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(%digest, bytes = bytes.len(), milliseconds, "A component was compiled.");
        let component = self.deserialize(&code)?;
        let loaded = Loaded::new(
            Arc::clone(inner),
            &inner.linker,
            digest,
            bytes.len(),
            &component,
            None,
        )?;
        let about = About {
            imports: loaded.imports.clone(),
            infos: loaded.wire_infos.clone(),
        };
        if let Err(error) = inner.cache.write(digest, &about, &code) {
            tracing::warn!(digest = %digest, "{error}; the component is compiled again at the next start");
        }
        Ok(loaded)
    }

    /// Maps machine code.
    #[allow(unsafe_code)]
    fn deserialize(&self, code: &[u8]) -> Result<Component, SandboxError> {
        // SAFETY: `code` must be what this version of wasmtime compiled, because it is run as it is. It comes
        // either straight from our own compiling child, or from a file whose digest was checked over these very
        // bytes, in a folder that belongs to this user and to which nobody else may write (`cache.rs`). wasmtime
        // itself refuses code of another version or configuration.
        unsafe { Component::deserialize(&self.0.engine, code) }
            .map_err(|error| SandboxError::Internal(format!("loading compiled code: {error:#}")))
    }
}

fn in_use(slot: &Mutex<Known>) -> bool {
    let known = slot.lock().unwrap_or_else(PoisonError::into_inner);
    matches!(&*known, Known::Loaded(loaded) if loaded.strong_count() > 0)
}
