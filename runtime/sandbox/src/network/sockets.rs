//! `wasi:sockets` under the grants: TCP outwards. Names are looked up by [`Network`]; a socket is connected to what it
//! admits; sockets are counted as connections; binding to a port, listening and UDP are refused.

use std::net::{IpAddr, SocketAddr};

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::{DynPollable, Network as WasiNetwork, Pollable, TcpSocket, subscribe};
use wasmtime_wasi::runtime::in_tokio;
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView};

use crate::network::refusals::Refusal;
use crate::network::{Network, NoConnection, until};
use crate::state::State;

/// The interfaces as the linker has them; a test looks a name up, and so notices another version.
const LOOKUP: &str = "wasi:sockets/ip-name-lookup@0.2.12";
const CREATE: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const TCP: &str = "wasi:sockets/tcp@0.2.12";

/// What a socket may do.
pub(crate) fn allow(builder: &mut WasiCtxBuilder, network: &Network) {
    builder.allow_tcp(network.is_granted());
    // Denied by default; said here so that it stays so. Names are looked up below.
    builder.allow_udp(false);
    builder.allow_ip_name_lookup(false);
    let network = network.clone();
    builder.socket_addr_check(move |address, purpose| {
        let allowed = admits(&network, address, purpose);
        Box::pin(async move { allowed })
    });
}

fn admits(network: &Network, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    match purpose {
        SocketAddrUse::TcpConnect => network.admits(address),
        // Before a connection the system chooses address and port, for which it asks too.
        SocketAddrUse::TcpBind if address.ip().is_unspecified() && address.port() == 0 => true,
        _ => {
            let message = format!("a socket at {address} that is not for a connection outwards");
            drop(network.refuse(Refusal::Socket, message));
            false
        }
    }
}

/// Addresses of a name that are being read one by one.
struct Addresses(std::vec::IntoIter<IpAddr>);

#[wasmtime_wasi::async_trait]
impl Pollable for Addresses {
    async fn ready(&mut self) {}
}

/// Replaces looking up names, and counts sockets. The linker must allow shadowing.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut lookup = linker.instance(LOOKUP)?;
    lookup.resource(
        "resolve-address-stream",
        ResourceType::host::<Addresses>(),
        |mut store: StoreContextMut<'_, State>, rep| {
            let stream = Resource::<Addresses>::new_own(rep);
            store.data_mut().table.delete(stream)?;
            Ok(())
        },
    )?;
    lookup.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (_, name): (Resource<WasiNetwork>, String)| {
            let state = store.data_mut();
            state.call.leave();
            let (network, until) = (state.network.clone(), until(state.deadline()));
            let found = in_tokio(network.look_up(&name, until));
            Ok((match found {
                Ok(found) => Ok(state.table.push(Addresses(found.into_iter()))?),
                Err(error) => Err(error_code(&error)),
            },))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, State>, (stream,): (Resource<Addresses>,)| {
            let next = store.data_mut().table.get_mut(&stream)?.0.next();
            Ok((Ok::<_, ErrorCode>(next.map(IpAddress::from)),))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: StoreContextMut<'_, State>, (stream,): (Resource<Addresses>,)| {
            let pollable: Resource<DynPollable> = subscribe(&mut store.data_mut().table, stream)?;
            Ok((pollable,))
        },
    )?;
    linker.instance(CREATE)?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
            Ok((create(store.data_mut(), family)?,))
        },
    )?;
    linker.instance(TCP)?.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        |mut store: StoreContextMut<'_, State>, rep| {
            let state = store.data_mut();
            state.table.delete(Resource::<TcpSocket>::new_own(rep))?;
            state.sockets.remove(&rep);
            Ok(())
        },
    )
}

fn create(
    state: &mut State,
    family: IpAddressFamily,
) -> Result<std::result::Result<Resource<TcpSocket>, ErrorCode>> {
    let permit = match state.network.permit() {
        Ok(permit) => permit,
        Err(_) => return Ok(Err(ErrorCode::NewSocketLimit)),
    };
    match state.sockets().create_tcp_socket(family) {
        Ok(socket) => {
            state.sockets.insert(socket.rep(), permit);
            Ok(Ok(socket))
        }
        Err(error) => error.downcast().map(Err),
    }
}

fn error_code(error: &NoConnection) -> ErrorCode {
    match error {
        NoConnection::Refused(..) => ErrorCode::AccessDenied,
        NoConnection::Invalid(_) => ErrorCode::InvalidArgument,
        NoConnection::Late(_) => ErrorCode::TemporaryResolverFailure,
        NoConnection::Unresolved(..) | NoConnection::Unreachable(..) | NoConnection::Tls(..) => {
            ErrorCode::NameUnresolvable
        }
    }
}
