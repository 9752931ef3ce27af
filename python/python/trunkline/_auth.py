"""Credentials: what `auth` takes, of a client and of a request."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Literal, Optional, Union


@dataclass(frozen=True)
class BasicAuth:
    """User and password in the clear (RFC 7617), as UTF-8. The tuple `(user, password)` says the same."""

    user: str
    password: str = field(repr=False)

    def _fields(self) -> tuple[Any, ...]:
        return ("basic", self.user, self.password)


@dataclass(frozen=True)
class DigestAuth:
    """A proof of the password that does not show it (RFC 7616): MD5, SHA-256, SHA-512-256 and their sessions.

    The first request to an origin is challenged and sent again; the later ones bring their proof with them.
    """

    user: str
    password: str = field(repr=False)

    def _fields(self) -> tuple[Any, ...]:
        return ("digest", self.user, self.password)


@dataclass(frozen=True)
class BearerAuth:
    """A token (RFC 6750)."""

    token: str = field(repr=False)

    def _fields(self) -> tuple[Any, ...]:
        return ("bearer", self.token)


@dataclass(frozen=True)
class NetRCAuth:
    """Basic, with user and password from a netrc file by the host's name, also where a redirect leads to another host.

    Without a path: the file that the variable `NETRC` names, else `~/.netrc`, else `~/_netrc`, if there is one.
    """

    path: Union[str, os.PathLike[str], None] = None

    def _fields(self) -> tuple[Any, ...]:
        return ("netrc", None if self.path is None else os.fspath(self.path))


@dataclass(frozen=True)
class AwsSigV4Auth:
    """A signature of the request, as Amazon's services ask for (version 4).

    `date` stands in for the present, for tests. Without `sign_payload`, and of bodies that come from an
    iterator, only the head is signed. With `sign_payload="streaming"` files and forms with files are signed in chunks as
    they are sent (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`), for S3; else only their heads are.
    """

    access_key: str
    secret_key: str = field(repr=False)
    service: str
    region: str = "us-east-1"
    session_token: Optional[str] = field(default=None, repr=False)
    date: Optional[datetime] = None
    sign_payload: Union[bool, Literal["streaming"]] = True

    def _payload(self) -> str:
        if self.sign_payload == "streaming":
            return "streaming"
        return "signed" if self.sign_payload else "unsigned"

    def _fields(self) -> tuple[Any, ...]:
        return (
            "aws_sigv4",
            self.access_key,
            self.secret_key,
            self.service,
            self.region,
            self.session_token,
            None if self.date is None else self.date.timestamp(),
            self._payload(),
        )


Credentials = Union[
    BasicAuth, DigestAuth, BearerAuth, NetRCAuth, AwsSigV4Auth, tuple[str, str], str, None
]
AuthTypes = Union[Credentials, Callable[[], Credentials]]
AsyncAuthTypes = Union[Credentials, Callable[[], Union[Credentials, Awaitable[Credentials]]]]


def native(auth: Any) -> Any:
    """Credentials as the native half takes them."""
    if auth is None or isinstance(auth, str):
        return auth
    fields = getattr(auth, "_fields", None)
    if callable(fields):
        return fields()
    if isinstance(auth, tuple) and len(auth) == 2:
        user, password = auth
        return ("basic", user, password)
    raise TypeError(
        "auth is (user, password), BasicAuth, DigestAuth, BearerAuth, NetRCAuth, AwsSigV4Auth, a str, "
        f"a function that answers one of these, or None, not {type(auth).__name__}"
    )


def at_once(auth: Any) -> Any:
    """What a function answered, unless that is to be awaited."""
    if inspect.isawaitable(auth):
        if inspect.iscoroutine(auth):
            auth.close()
        raise TypeError("the credentials would have to be awaited, which this call cannot do")
    return auth


def is_asked(auth: Any) -> bool:
    """Whether these credentials are a function, which is asked before each request."""
    return callable(auth) and not callable(getattr(auth, "_fields", None))
