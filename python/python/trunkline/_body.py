"""Turns the arguments of a request into what the native half takes: URL, header fields, body, options."""

from __future__ import annotations

import json as _json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Union
from urllib.parse import urlencode, urlsplit, urlunsplit

from ._auth import is_asked, native
from ._config import POLICY, timeout_of
from ._native import Headers

if TYPE_CHECKING:
    from ._config import (
        AsyncRequestOptions,
        ClientOptions,
        OpenOptions,
        QueryTypes,
        RequestOptions,
    )

#: Bytes read from a file at once.
CHUNK = 256 * 1024
_EXTRA = ("http_versions", "max_bytes", "credit", "replay", *POLICY)

Source = Union[Iterator[bytes], AsyncIterator[bytes]]


class Prepared(NamedTuple):
    """The positional arguments of the native calls, and the source of a streamed body."""

    url: str
    headers: Any
    content: Any
    timeout: Any
    extra: Optional[dict[str, Any]]
    source: Optional[Source]
    #: Whether an answer other than 2xx raises.
    strict: bool
    #: What answers the credentials, where a function does.
    auth: Optional[Callable[[], Any]] = None
    #: What takes the pieces of the answer's body.
    into: Optional[Callable[[bytes], Any]] = None
    #: Whether the answer is decoded.
    decode: bool = True

    @property
    def is_simple(self) -> bool:
        """Whether the native half can do all of it."""
        return self.source is None and self.auth is None and self.into is None and not self.strict

    def with_auth(self, auth: Any) -> Prepared:
        """The same with these credentials."""
        extra = {**(self.extra or {}), "auth": native(auth)}
        return self._replace(extra=extra, auth=None)


class Defaults(NamedTuple):
    """What a client adds to each request."""

    base_url: str
    params: Optional[QueryTypes]
    strict: bool
    auth: Optional[Callable[[], Any]]
    cookies: Mapping[str, str]
    decode: bool

    @classmethod
    def of(cls, options: ClientOptions) -> Defaults:
        """Those of a client's options."""
        auth: Any = options.get("auth")
        cookies = options.get("cookies")
        return cls(
            options.get("base_url", ""),
            options.get("params"),
            options.get("raise_for_status", False),
            auth if is_asked(auth) else None,
            cookies if isinstance(cookies, Mapping) else {},
            options.get("decode", True),
        )

    @property
    def nothing(self) -> bool:
        """Whether a request that says nothing of itself can go as it is."""
        return not any(self[:5])


def merge_url(base_url: str, url: str) -> str:
    """An absolute URL as it is; another appended to the base, with one slash between them."""
    if not base_url or "://" in url:
        return url
    if not url:
        return base_url
    return f"{base_url.rstrip('/')}/{url.lstrip('/')}"


def websocket_url(url: str) -> str:
    """The URL with the scheme that WebSockets have."""
    return "ws" + url[4:] if url[:7].lower() == "http://" or url[:8].lower() == "https://" else url


def _query(params: QueryTypes) -> str:
    if isinstance(params, str):
        return params
    pairs: list[tuple[str, str]] = []
    for name, value in params.items() if isinstance(params, Mapping) else params:
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if one is None:
                text = ""
            elif isinstance(one, bool):
                text = "true" if one else "false"
            else:
                text = str(one)
            pairs.append((name, text))
    return urlencode(pairs)


def add_params(url: str, *many: Optional[QueryTypes]) -> str:
    """The URL with parameters added to its query."""
    queries = [query for query in (_query(params) for params in many if params) if query]
    if not queries:
        return url
    parts = urlsplit(url)
    joined = "&".join(([parts.query] if parts.query else []) + queries)
    return urlunsplit(parts._replace(query=joined))


def _is_file(content: object) -> bool:
    return callable(getattr(content, "read", None))


def _file_length(file: IO[bytes]) -> Optional[int]:
    """Bytes from the file's position to its end, where that can be known."""
    try:
        return max(0, os.fstat(file.fileno()).st_size - file.tell())
    except (AttributeError, OSError, ValueError):
        pass
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
        return end - here
    except (AttributeError, OSError, ValueError):
        return None


def _read_file(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _add(headers: Any, name: str, value: str) -> Any:
    """The header fields with one more, unless it is there."""
    given: Iterable[tuple[Any, Any]]
    if headers is None:
        given = ()
    elif isinstance(headers, Headers):
        given = headers.multi_items()
    else:
        given = headers.items() if hasattr(headers, "items") else headers
    pairs = list(given)
    for key, _ in pairs:
        if (key.decode("latin-1") if isinstance(key, bytes) else key).lower() == name:
            return pairs
    return [*pairs, (name, value)]


def _form(data: Any) -> str:
    pairs = data.items() if isinstance(data, Mapping) else data
    return urlencode([(k, "" if v is None else v) for k, v in pairs], doseq=True)


def prepare(
    options: RequestOptions | AsyncRequestOptions | OpenOptions,
    defaults: Defaults,
    url: str,
    read_file: Callable[[IO[bytes]], Source] = _read_file,
) -> Prepared:
    """What a request is made of."""
    given: dict[str, Any] = dict(options)
    target = merge_url(defaults.base_url, url)
    target = add_params(target, defaults.params, given.pop("params", None))
    into = given.pop("into", None)
    strict = given.pop("raise_for_status", defaults.strict)
    headers = given.pop("headers", None)
    timeout: Any = given.pop("timeout", ...)
    extra: dict[str, Any] = {name: given.pop(name) for name in _EXTRA if name in given}
    asked = defaults.auth
    if "auth" in given:
        auth = given.pop("auth")
        asked = auth if is_asked(auth) else None
        if asked is None:
            extra["auth"] = native(auth)
    if "cookies" in given or defaults.cookies:
        own = given.pop("cookies", {})
        extra["cookies"] = False if own is None else {**defaults.cookies, **own}
    bodies = [name for name in ("content", "data", "json") if name in given]
    if len(bodies) > 1:
        raise TypeError(f"a request has one body, not {' and '.join(bodies)}")
    content = given.pop("content", None)
    source: Optional[Source] = None
    if "json" in given:
        text = _json.dumps(
            given.pop("json"), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        content = text.encode()
        headers = _add(headers, "content-type", "application/json")
    elif "data" in given:
        content = given.pop("data")
        if content is not None and not isinstance(content, (bytes, bytearray, memoryview, str)):
            content = _form(content)
            headers = _add(headers, "content-type", "application/x-www-form-urlencoded")
    if given:
        raise TypeError(f"a request has no argument {next(iter(given))!r}")
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview, str)):
        length = None
        if _is_file(content):
            length = _file_length(content)
            source = read_file(content)
        elif isinstance(content, AsyncIterable):
            source = content.__aiter__()
        else:
            source = iter(content)
        content = None
        extra["streamed"] = length
    return Prepared(
        target,
        headers,
        content,
        None if timeout is ... else timeout_of(timeout),
        extra or None,
        source,
        strict,
        asked,
        into,
        extra.get("decode", defaults.decode),
    )
