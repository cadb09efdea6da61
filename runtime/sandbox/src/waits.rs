//! `wasi:io` with a deadline: polling, and streams that wait.
//!
//! An epoch does not end a guest that waits inside the host, so what can wait here does so until the deadline of the call
//! that is running, and then ends the guest.

use std::time::Instant;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::bindings::io::poll as async_poll;
use wasmtime_wasi::p2::bindings::io::streams as async_streams;
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::in_tokio;

use crate::gate::Call;
use crate::host_functions::Ended;
use crate::state::State;

/// Replaces what waits. The linker must allow shadowing.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    fn waits(state: &mut State) -> Waits<'_> {
        Waits {
            deadline: state.deadline(),
            call: &mut state.call,
            table: &mut state.table,
        }
    }
    poll::add_to_linker::<State, Waits<'static>>(linker, waits)?;
    streams::add_to_linker::<State, Waits<'static>>(linker, waits)
}

struct Waits<'a> {
    deadline: Instant,
    call: &'a mut Call,
    table: &'a mut ResourceTable,
}

impl HasData for Waits<'static> {
    type Data<'a> = Waits<'a>;
}

impl Waits<'_> {
    fn wait<T>(&mut self, wait: impl AsyncFnOnce(&mut ResourceTable) -> Result<T>) -> Result<T> {
        let deadline = self.deadline.into();
        self.call.leave();
        in_tokio(async {
            tokio::time::timeout_at(deadline, wait(self.table))
                .await
                .unwrap_or_else(|_| Err(Error::new(Ended::Waited)))
        })
    }

    fn stream<T>(
        &mut self,
        wait: impl AsyncFnOnce(&mut ResourceTable) -> StreamResult<T>,
    ) -> StreamResult<T> {
        let deadline = self.deadline.into();
        self.call.leave();
        in_tokio(async {
            tokio::time::timeout_at(deadline, wait(self.table))
                .await
                .unwrap_or_else(|_| Err(StreamError::Trap(Error::new(Ended::Waited))))
        })
    }
}

impl poll::Host for Waits<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        self.wait(async |table| async_poll::Host::poll(table, pollables).await)
    }
}

impl poll::HostPollable for Waits<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        self.wait(async |table| async_poll::HostPollable::ready(table, pollable).await)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.wait(async |table| async_poll::HostPollable::block(table, pollable).await)
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        async_poll::HostPollable::drop(self.table, pollable)
    }
}

impl streams::Host for Waits<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        Ok(async_streams::Host::convert_stream_error(self.table, error)?.into())
    }
}

impl streams::HostInputStream for Waits<'_> {
    fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        self.wait(async |table| async_streams::HostInputStream::drop(table, stream).await)
    }

    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        async_streams::HostInputStream::read(self.table, stream, len)
    }

    fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        self.stream(async |table| {
            async_streams::HostInputStream::blocking_read(table, stream, len).await
        })
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        async_streams::HostInputStream::skip(self.table, stream, len)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        self.stream(async |table| {
            async_streams::HostInputStream::blocking_skip(table, stream, len).await
        })
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        async_streams::HostInputStream::subscribe(self.table, stream)
    }
}

impl streams::HostOutputStream for Waits<'_> {
    fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        self.wait(async |table| async_streams::HostOutputStream::drop(table, stream).await)
    }

    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        async_streams::HostOutputStream::check_write(self.table, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        async_streams::HostOutputStream::write(self.table, stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.stream(async |table| {
            async_streams::HostOutputStream::blocking_write_and_flush(table, stream, bytes).await
        })
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.stream(async |table| {
            async_streams::HostOutputStream::blocking_write_zeroes_and_flush(table, stream, len)
                .await
        })
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        async_streams::HostOutputStream::write_zeroes(self.table, stream, len)
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        async_streams::HostOutputStream::flush(self.table, stream)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.stream(async |table| {
            async_streams::HostOutputStream::blocking_flush(table, stream).await
        })
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        async_streams::HostOutputStream::subscribe(self.table, stream)
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        async_streams::HostOutputStream::splice(self.table, to, from, len)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        self.stream(async |table| {
            async_streams::HostOutputStream::blocking_splice(table, to, from, len).await
        })
    }
}
