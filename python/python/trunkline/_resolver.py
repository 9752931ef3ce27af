"""A resolver of the program's own, as the native half asks it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Callable, Union, cast

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from ._native import Lookup

    Addresses = Iterable[Union[str, IPv4Address, IPv6Address]]
    ResolverTypes = Callable[[str, int], Addresses]
    AsyncResolverTypes = Callable[[str, int], Union[Addresses, Awaitable[Addresses]]]

#: Look-ups under way on event loops, which keep no hold of their tasks themselves.
_UNDER_WAY: set[asyncio.Task[None]] = set()


def beginning_of(resolver: AsyncResolverTypes) -> Callable[[str, int, Lookup], None]:
    """What begins a look-up, on a thread that may wait; an asynchronous function runs on the client's loop."""
    if not callable(resolver):
        raise TypeError("resolver is a function of host and port that answers IP addresses")
    call = getattr(resolver, "__call__", None)  # noqa: B004
    if inspect.iscoroutinefunction(resolver) or inspect.iscoroutinefunction(call):
        return lambda host, port, lookup: _on_loop(cast(Any, resolver), host, port, lookup)
    return lambda host, port, lookup: lookup.finish(_texts(resolver(host, port)))


def _texts(addresses: Any) -> list[str]:
    if isinstance(addresses, str) or not isinstance(addresses, Iterable):
        if inspect.iscoroutine(addresses):
            addresses.close()
        raise TypeError(f"a resolver answers a list of IP addresses, not {addresses!r}")
    return [str(address) for address in addresses]


def _on_loop(
    resolver: Callable[[str, int], Awaitable[Addresses]], host: str, port: int, lookup: Lookup
) -> None:
    loop = lookup.event_loop
    if loop is None:
        raise TypeError("an asynchronous resolver needs an AsyncClient")

    async def ask() -> None:
        try:
            lookup.finish(_texts(await resolver(host, port)))
        except Exception as error:
            lookup.fail(f"{type(error).__name__}: {error}")
        except BaseException:
            lookup.fail("the look-up was cancelled")
            raise

    def start() -> None:
        task = loop.create_task(ask())
        _UNDER_WAY.add(task)
        task.add_done_callback(_UNDER_WAY.discard)

    loop.call_soon_threadsafe(start)
