//! Happy eyeballs (RFC 8305): both address families are tried, the first to answer wins.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::socket;
use crate::drive::{Io, Reactor, Timer};
use crate::limits::HAPPY_EYEBALLS_DELAY;
use crate::options::ConnectionOptions;
use crate::statistics::Counters;

/// Connects to the first of `addresses` that answers. Those that lose are closed.
pub(super) async fn connect(
    mut addresses: Vec<SocketAddr>,
    options: &ConnectionOptions,
    reactor: &Arc<Reactor>,
    counters: &Arc<Counters>,
) -> io::Result<Io> {
    addresses.retain(|address| socket::is_reachable(address, options));
    let mut race = Race {
        waiting: interleave(addresses).into_iter(),
        running: Vec::new(),
        timer: Timer::new(reactor),
        failure: None,
    };
    poll_fn(|cx| race.poll(cx, options, reactor, counters)).await
}

/// RFC 8305, 4: the families take turns, beginning with the one that the resolver put first.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

struct Race {
    waiting: std::vec::IntoIter<SocketAddr>,
    running: Vec<Io>,
    timer: Timer,
    failure: Option<io::Error>,
}

impl Race {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        options: &ConnectionOptions,
        reactor: &Arc<Reactor>,
        counters: &Arc<Counters>,
    ) -> Poll<io::Result<Io>> {
        loop {
            let mut index = 0;
            while index < self.running.len() {
                match self.running[index].poll_connected(cx) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(self.running.swap_remove(index))),
                    Poll::Ready(Err(cause)) => {
                        self.failure = Some(cause);
                        drop(self.running.remove(index));
                        // A failure lets the next attempt begin at once.
                        self.timer.set(None);
                    }
                    Poll::Pending => index += 1,
                }
            }
            let next_is_due = self.running.is_empty() || self.timer.poll(cx).is_ready();
            if self.waiting.len() == 0 || !(next_is_due || self.failure.is_some()) {
                if self.running.is_empty() {
                    let none = || {
                        io::Error::new(
                            io::ErrorKind::NotFound,
                            "no address that can be reached from the local one",
                        )
                    };
                    return Poll::Ready(Err(self.failure.take().unwrap_or_else(none)));
                }
                return Poll::Pending;
            }
            if let Some(address) = self.waiting.next() {
                match begin(address, options, reactor, counters) {
                    Ok(io) => {
                        self.running.push(io);
                        self.failure = None;
                    }
                    Err(cause) => self.failure = Some(cause),
                }
                self.timer.set(Some(reactor.now() + HAPPY_EYEBALLS_DELAY));
            }
        }
    }
}

fn begin(
    address: SocketAddr,
    options: &ConnectionOptions,
    reactor: &Arc<Reactor>,
    counters: &Arc<Counters>,
) -> io::Result<Io> {
    let socket = socket::prepared(address, options)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Io::new(socket, reactor, counters),
        Err(cause) => Err(cause.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<SocketAddr>>()
        };
        assert_eq!(
            interleave(parse(&[
                "[::1]:1",
                "[::2]:1",
                "[::3]:1",
                "1.1.1.1:1",
                "2.2.2.2:1"
            ])),
            parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
        assert_eq!(
            interleave(parse(&["1.1.1.1:1", "[::1]:1"])),
            parse(&["1.1.1.1:1", "[::1]:1"])
        );
        assert!(interleave(Vec::new()).is_empty());
    }
}
