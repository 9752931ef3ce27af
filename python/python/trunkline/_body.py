"""Turns the arguments of a request into what the native half takes: URL, header fields, body, options."""

from __future__ import annotations

import inspect
import json as _json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Union
from urllib.parse import parse_qsl

from ._auth import is_asked, native
from ._config import POLICY, timeout_of
from ._native import Headers, build_url, form

if TYPE_CHECKING:
    from ._options import (
        AsyncRequestOptions,
        ClientOptions,
        FileTypes,
        OpenOptions,
        QueryTypes,
        RequestOptions,
    )

#: Bytes read from a file at once.
CHUNK = 256 * 1024
_EXTRA = ("http_versions", "max_bytes", "credit", "replay", "proxy", *POLICY)

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
    #: What of the body Python gives when the native half asks for it.
    sources: Sequence[Replayable] = ()

    @property
    def is_simple(self) -> bool:
        """Whether the native half can do all of it."""
        return not (self.source or self.auth or self.into or self.strict or self.sources)

    def failure(self) -> Optional[Exception]:
        """What a source of the body raised."""
        return next((one.failure for one in self.sources if one.failure is not None), None)

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


def websocket_url(url: str) -> str:
    """The URL with the scheme that WebSockets have."""
    return "ws" + url[4:] if url[:7].lower() == "http://" or url[:8].lower() == "https://" else url


def text_of_value(value: Any) -> str:
    """A value of a query, path or form as text: as JSON has it where it is True, False or None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _pairs(given: Optional[QueryTypes]) -> list[tuple[str, Any]]:
    """A mapping or list of pairs, each value of a list on its own."""
    if not given:
        return []
    if isinstance(given, str):
        return parse_qsl(given, keep_blank_values=True)
    pairs: list[tuple[str, Any]] = []
    for name, value in given.items() if isinstance(given, Mapping) else given:
        many = value if isinstance(value, (list, tuple)) else (value,)
        pairs.extend((name, one) for one in many)
    return pairs


def _texts(pairs: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(str(name), text_of_value(value)) for name, value in pairs]


def _url(defaults: Defaults, url: str, given: dict[str, Any]) -> str:
    path_params = given.pop("path_params", None) or {}
    style = given.pop("path_style", "curly")
    if style not in ("curly", "colon"):
        raise ValueError(f"path_style is 'curly' or 'colon', not {style!r}")
    own = given.pop("params", None)
    if not (defaults.base_url or defaults.params or own or path_params):
        return url
    return build_url(
        defaults.base_url or None,
        url,
        _texts(list(path_params.items())),
        style == "colon",
        _texts(_pairs(defaults.params) + _pairs(own)),
    )


class Replayable:
    """A body that Python gives, and gives again when the request is sent again.

    The native half calls `open` on the thread that runs the reactor, and takes what it answers piece by piece.
    """

    def __init__(self, make: Callable[[], Iterable[bytes]], length: Optional[int] = None) -> None:
        self._make = make
        #: Bytes in all, where that is known.
        self.length = length
        #: What was raised.
        self.failure: Optional[Exception] = None

    def open(self) -> Iterator[bytes]:
        """The pieces from the first one on."""
        try:
            yield from self._make()
        except Exception as error:
            self.failure = error
            raise

    @classmethod
    def of_file(cls, file: IO[bytes]) -> Replayable:
        """What a file has from its position on; again only if it can go back."""
        try:
            start: Optional[int] = file.tell() if file.seekable() else None
        except (AttributeError, OSError, ValueError):
            start = None
        taken = False

        def make() -> Iterator[bytes]:
            nonlocal taken
            if taken and start is None:
                raise OSError("the file cannot be read again")
            if taken and start is not None:
                file.seek(start)
            taken = True
            return _read_file(file)

        return cls(make, _file_length(file))


def _part(name: str, given: Any, sources: list[Replayable]) -> tuple[str, Any, Any, Any]:
    """A file of a form as the native half takes it: name, content, filename, content type."""
    filename = kind = None
    if isinstance(given, tuple):
        if len(given) not in (2, 3):
            raise TypeError(
                "a file is given as content, (filename, content) or (filename, content, type)"
            )
        filename, given, *more = given
        kind = more[0] if more else None
    elif not isinstance(given, os.PathLike):
        path = getattr(given, "name", None)
        filename = os.path.basename(path) if isinstance(path, str) and path else "upload"
    if isinstance(given, (bytearray, memoryview)):
        given = bytes(given)
    elif _is_file(given):
        given = Replayable.of_file(given)
        sources.append(given)
    elif not isinstance(given, (bytes, str, os.PathLike)):
        raise TypeError(
            f"file {name!r} is bytes, str, a path or a binary file, not {type(given).__name__}"
        )
    return name, given, filename, kind


def _multipart(
    data: Any, files: FileTypes, sources: list[Replayable]
) -> list[tuple[str, Any, Any, Any]]:
    """The parts of a form with files, the fields first."""
    if isinstance(data, (bytes, bytearray, memoryview, str)):
        raise TypeError("beside files, data is a mapping or a list of pairs")
    parts: list[tuple[str, Any, Any, Any]] = [
        (name, value if isinstance(value, bytes) else text_of_value(value), None, None)
        for name, value in _pairs(data)
    ]
    given = files.items() if isinstance(files, Mapping) else files
    parts.extend(_part(name, file, sources) for name, file in given)
    return parts


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


def prepare(
    options: RequestOptions | AsyncRequestOptions | OpenOptions,
    defaults: Defaults,
    url: str,
    read_file: Callable[[IO[bytes]], Source] = _read_file,
) -> Prepared:
    """What a request is made of."""
    given: dict[str, Any] = dict(options)
    target = _url(defaults, url, given)
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
    files = given.pop("files", None)
    sources: list[Replayable] = []
    if files and bodies not in ([], ["data"]):
        raise TypeError(f"a request has one body, not files and {bodies[0]}")
    if len(bodies) > 1:
        raise TypeError(f"a request has one body, not {' and '.join(bodies)}")
    content = given.pop("content", None)
    source: Optional[Source] = None
    if files:
        extra["multipart"] = _multipart(given.pop("data", None), files, sources)
    elif "json" in given:
        text = _json.dumps(
            given.pop("json"), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        content = text.encode()
        headers = _add(headers, "content-type", "application/json")
    elif "data" in given:
        content = given.pop("data")
        if content is not None and not isinstance(content, (bytes, bytearray, memoryview, str)):
            content = form(_texts(_pairs(content)))
            headers = _add(headers, "content-type", "application/x-www-form-urlencoded")
    if given:
        raise TypeError(f"a request has no argument {next(iter(given))!r}")
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview, str)):
        length = None
        if isinstance(content, os.PathLike):
            extra["source"], content = content, None
        elif callable(content) and not inspect.isasyncgenfunction(content):
            extra["source"] = Replayable(content)
            sources.append(extra["source"])
        elif _is_file(content):
            length = _file_length(content)
            source = read_file(content)
        elif callable(content):
            source = content().__aiter__()
        elif isinstance(content, AsyncIterable):
            source = content.__aiter__()
        else:
            source = iter(content)
        content = None
        if "source" not in extra:
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
        sources,
    )
