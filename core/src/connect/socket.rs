//! Sockets before they are connected.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use socket2::{SockRef, TcpKeepalive};

use crate::options::ConnectionOptions;

/// A non-blocking stream socket that no child process inherits.
pub(super) fn socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(
        family,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

/// A socket for a connection to `address`, as the options want it.
pub(super) fn prepared(address: SocketAddr, options: &ConnectionOptions) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let socket = socket(family)?;
    if options.nodelay {
        sockopt::set_tcp_nodelay(&socket, true)?;
    }
    if let Some(keep_alive) = &options.keep_alive {
        // Less than a second would be none, which the system refuses.
        let whole = |time: Duration| time.max(Duration::from_secs(1));
        let keep_alive = TcpKeepalive::new()
            .with_time(whole(keep_alive.idle))
            .with_interval(whole(keep_alive.interval))
            .with_retries(keep_alive.count);
        SockRef::from(&socket)
            .set_tcp_keepalive(&keep_alive)
            .map_err(|cause| named(&cause, "TCP keep-alive"))?;
    }
    if let Some(interface) = &options.interface {
        bind_interface(&socket, interface)
            .map_err(|cause| named(&cause, &format!("bind to interface {interface:?}")))?;
    }
    if let Some(local) = options.local_address {
        bind_address(&socket, local)
            .map_err(|cause| named(&cause, &format!("bind to local address {local}")))?;
    }
    Ok(socket)
}

/// Whether a socket bound as the options want it can reach this address.
pub(super) fn is_reachable(address: &SocketAddr, options: &ConnectionOptions) -> bool {
    options
        .local_address
        .is_none_or(|local| local.is_ipv6() == address.is_ipv6())
}

fn named(cause: &io::Error, what: &str) -> io::Error {
    let hint = match cause.kind() {
        io::ErrorKind::PermissionDenied => " (the system allows it to privileged programs only)",
        _ => "",
    };
    io::Error::new(cause.kind(), format!("{what}: {cause}{hint}"))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind_interface(socket: impl AsFd, interface: &str) -> io::Result<()> {
    SockRef::from(&socket.as_fd()).bind_device(Some(interface.as_bytes()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bind_interface(_: impl AsFd, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn bind_address(socket: impl AsFd, local: IpAddr) -> io::Result<()> {
    Ok(rustix::net::bind(socket, &SocketAddr::new(local, 0))?)
}
