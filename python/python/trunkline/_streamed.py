"""What streamed answers have in common, blocking or not."""

from __future__ import annotations

import json as _json
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar

from ._errors import BodyTooLarge, InvalidState
from ._native import (
    AsyncExchange,
    Data,
    Done,
    Exchange,
    Head,
    Headers,
    Redirect,
    Response,
    Summary,
    Trailers,
    cookies_of,
    encoding_of,
    text_of,
)

if TYPE_CHECKING:
    from typing import Literal

    from ._native import ConnectionInfo, Timings

    Outcome = Literal["done", "pause", "halt"]

#: The longest line, in bytes.
LINE = 16 * 1024 * 1024
#: The most data of a server-sent event, in bytes.
EVENT = 16 * 1024 * 1024

E = TypeVar("E", Exchange, AsyncExchange)


def goes_on(says: object) -> bool:
    """Whether what `into` answered asks for more."""
    if says is None or says == "continue":
        return True
    if says in ("pause", "halt"):
        return False
    raise TypeError(f"into answers 'continue' (or None), 'pause' or 'halt', not {says!r}")


def count_down(left: int, size: int) -> int:
    """What may still come after `size` bytes (0: any number)."""
    if 0 < left < size:
        raise BodyTooLarge("the body is larger than allowed", 62, "body_too_large")
    return left - size or -1 if left else 0


class Streamed(Generic[E]):
    """What streamed answers have in common. The head is there from the start; the rest is known at the end."""

    def __init__(
        self,
        exchange: E,
        method: str,
        url: str,
        into: Optional[Callable[[bytes], Any]] = None,
        decode: bool = False,
    ) -> None:
        self._exchange: E = exchange
        self._into = into
        self._decode = decode
        self._head: Optional[Head] = None
        self._summary: Optional[Summary] = None
        self._content: Optional[bytes] = None
        self._taken = False
        #: The method that was asked for; a redirect may have made it GET.
        self.method = method
        #: The URL of this answer: the one that was asked for, or the one that the last redirect led to.
        self.url = url
        #: The redirects that were followed, the first one first.
        self.history: list[Redirect] = []
        #: The informational (1xx) answers that came before this one.
        self.informational: list[Head] = []
        #: The header fields that came after the body; empty until then, and where none did.
        self.trailers = Headers()

    def _known(self) -> Head:
        if self._head is None:
            raise InvalidState("the answer has not begun", 6, "invalid_state")
        return self._head

    def _ended(self) -> Summary:
        if self._summary is None:
            raise InvalidState("the answer was not read to its end", 6, "invalid_state")
        return self._summary

    def _see(self, part: object) -> Optional[bytes]:
        """Notes a part; the bytes, if it is data."""
        if isinstance(part, Data):
            return part.data
        if isinstance(part, Head):
            if part.informational:
                self.informational.append(part)
            else:
                self._head = part
        elif isinstance(part, Redirect):
            self.history.append(part)
            self.url = part.next_url
        elif isinstance(part, Trailers):
            self.trailers = part.headers
        elif isinstance(part, Done):
            self._summary = part.summary
        return None

    def _take(self) -> None:
        if self._taken:
            raise InvalidState("the body has been taken already", 6, "invalid_state")
        self._taken = True

    def _whole(self, content: bytes) -> Response:
        return Response.assemble(
            self.method,
            self.history[0].url if self.history else self.url,
            self._known(),
            self.informational,
            self.history,
            content,
            self.trailers,
            self._summary,
        )

    def _want_raw(self) -> None:
        if self._decode:
            raise InvalidState(
                "the body is decoded: make the request with decode=False", 6, "invalid_state"
            )

    @property
    def status_code(self) -> int:
        """The status code."""
        return self._known().status_code

    @property
    def reason_phrase(self) -> str:
        """The usual words for the status code."""
        return self._known().reason_phrase

    @property
    def http_version(self) -> str:
        """`HTTP/1.0`, `HTTP/1.1` or `HTTP/2`."""
        return self._known().http_version

    @property
    def headers(self) -> Headers:
        """The header fields."""
        return self._known().headers

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this answer set, value by name."""
        return cookies_of(self.url, self.headers)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return self.status_code >= 400

    @property
    def content(self) -> bytes:
        """The body, once `read` (or `aread`) has taken it."""
        if self._content is None:
            raise InvalidState(
                "the body was not read: call read() or aread() first", 6, "invalid_state"
            )
        return self._content

    @property
    def encoding(self) -> str:
        """The name of the encoding that `text` and lines use; see `Response.encoding`."""
        return encoding_of(self._content_type)

    @property
    def text(self) -> str:
        """The body as text, once it was read. Bytes that the encoding does not allow become U+FFFD."""
        return text_of(self._content_type, self.content)

    @property
    def _content_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self, **kwargs: Any) -> Any:
        """The body parsed as JSON, once it was read."""
        return _json.loads(self.content, **kwargs)

    @property
    def elapsed(self) -> float:
        """Seconds from submission to the end, once it was reached."""
        return self._ended().timings.total

    @property
    def timings(self) -> Timings:
        """When the request passed each point of its life, once it has ended."""
        return self._ended().timings

    @property
    def connection(self) -> Optional[ConnectionInfo]:
        """The connection that served the request, once it has ended."""
        return self._ended().connection

    @property
    def attempts(self) -> int:
        """How often the request was sent, once it has ended."""
        return self._ended().attempts

    @property
    def is_closed(self) -> bool:
        """Whether the request has ended."""
        return self._summary is not None or self._exchange.is_ended

    def __repr__(self) -> str:
        status = self._head.status_code if self._head else "not begun"
        return f"<{type(self).__name__} [{status}]>"
