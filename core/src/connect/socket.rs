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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::TcpKeepAlive;

    #[test]
    fn sockets_are_as_the_options_want_them() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let plain = prepared(address, &ConnectionOptions::default()).unwrap();
        assert!(sockopt::tcp_nodelay(&plain).unwrap());
        assert!(!sockopt::socket_keepalive(&plain).unwrap());
        let options = ConnectionOptions {
            nodelay: false,
            keep_alive: Some(TcpKeepAlive {
                idle: Duration::from_secs(7),
                interval: Duration::ZERO,
                count: 3,
            }),
            local_address: Some([127, 0, 0, 5].into()),
            ..Default::default()
        };
        let socket = prepared(address, &options).unwrap();
        assert!(!sockopt::tcp_nodelay(&socket).unwrap());
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        let seconds = Duration::from_secs;
        assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), seconds(7));
        assert_eq!(sockopt::tcp_keepintvl(&socket).unwrap(), seconds(1));
        assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), 3);
        let name: SocketAddr = rustix::net::getsockname(&socket)
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(name.ip(), IpAddr::from([127, 0, 0, 5]));
    }
}
