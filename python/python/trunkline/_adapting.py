"""What the engine is under other clients: one request, without what such a client does itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Optional, TypeVar, cast

from ._config import check_names, make_manager
from ._errors import Error
from ._native import CookieJar, Manager, Timeout
from ._options import ClientOptions, PolicyOptions

X = TypeVar("X", bound=BaseException)

#: Fields of the connection, which the engine writes itself as the protocol wants them.
CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding"})
#: Options that the engine is not asked for: the other client has each of them.
_ITS_OWN = {"base_url", "headers", "params", "auth", "cookies", "timeout", "user_agent"}
_BARE: dict[str, Any] = {
    "follow_redirects": False,
    "decode": False,
    "cookies": None,
    "auth": None,
    "user_agent": "",
}
_KNOWN = ClientOptions.__annotations__.keys() - PolicyOptions.__annotations__.keys() - _ITS_OWN


def check_options(who: str, given: Mapping[str, Any], but: Collection[str] = ()) -> None:
    """Refuses options that an adapter has not; `but` are those that its client says with each request."""
    check_names(who, given, _KNOWN - {*but})


def bare_manager(options: Mapping[str, Any]) -> Manager:
    """A manager that carries requests and does nothing else with them."""
    return make_manager(cast(ClientOptions, {**_BARE, **options}), "inline", CookieJar())


@lru_cache(maxsize=64)
def deadlines(
    connect: Optional[float], read: Optional[float], write: Optional[float], pool: Optional[float]
) -> Timeout:
    """The four deadlines that such clients know as those of the engine; None sets no limit."""
    return Timeout(
        pool=pool,
        resolve=connect,
        connect=connect,
        tls=connect,
        write=write,
        first_byte=read,
        idle=read,
        total=None,
    )


def nearest(table: Mapping[type[BaseException], type[X]], error: Error) -> Optional[type[X]]:
    """What the other client raises for an error: the entry of its class, or of the nearest one above."""
    return next((table[base] for base in type(error).__mro__ if base in table), None)
