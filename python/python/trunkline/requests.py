"""An adapter for requests: `session.mount("https://", Adapter())`.

It carries one request and nothing else: redirects, authentication, cookies, decoding and errors by status are requests'
own. requests is imported here, and needed only by who imports this module.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Union, cast

import requests.adapters
import requests.exceptions
import requests.utils
import urllib3.exceptions
import urllib3.util

from . import _errors as errors
from ._adapting import CONNECTION, bare_manager, check_options, deadlines, nearest
from ._native import Manager, Timeout
from ._requests_answer import CHUNK, make_response
from ._streaming import StreamingResponse

if TYPE_CHECKING:
    TimeoutTypes = Union[float, tuple[Optional[float], Optional[float]], urllib3.util.Timeout, None]
    CertTypes = Union[str, tuple[str, str], None]

__all__ = ["Adapter"]

#: What requests says with each request: the adapter is not asked for it.
_EACH_TIME = ("verify", "cert", "proxy", "trust_env", "no_proxy")
#: What requests raises for the library's errors before the answer's head; the nearest class counts.
_ERRORS: dict[type[BaseException], type[requests.exceptions.RequestException]] = {
    errors.InvalidUrl: requests.exceptions.InvalidURL,
    errors.InvalidHeader: requests.exceptions.InvalidHeader,
    errors.UploadFailed: requests.exceptions.ConnectionError,
    errors.Cancelled: requests.exceptions.ConnectionError,
    errors.Shutdown: requests.exceptions.ConnectionError,
    errors.TimeoutError: requests.exceptions.ReadTimeout,
    errors.PoolTimeout: requests.exceptions.ConnectionError,
    errors.WriteTimeout: requests.exceptions.ConnectionError,
    errors.ResolveTimeout: requests.exceptions.ConnectTimeout,
    errors.ConnectTimeout: requests.exceptions.ConnectTimeout,
    errors.TlsTimeout: requests.exceptions.ConnectTimeout,
    errors.NetworkError: requests.exceptions.ConnectionError,
    errors.ProxyFailed: requests.exceptions.ProxyError,
    errors.TlsFailed: requests.exceptions.SSLError,
    errors.ProtocolError: requests.exceptions.ConnectionError,
}


def _timeout(timeout: TimeoutTypes) -> Timeout:
    if timeout is None:
        return deadlines(None, None, None, None)
    if isinstance(timeout, tuple):
        if len(timeout) != 2:
            raise ValueError(f"timeout is a number or (connect, read), not {timeout}")
        timeout = urllib3.util.Timeout(connect=timeout[0], read=timeout[1])
    elif isinstance(timeout, urllib3.util.Timeout):
        timeout = timeout.clone()
    else:
        timeout = urllib3.util.Timeout(connect=timeout, read=timeout)
    # The time to read is counted from the connection on, which begins now.
    timeout.start_connect()
    connect, read = timeout.connect_timeout, timeout.read_timeout
    connect = connect if isinstance(connect, (int, float)) else None
    return deadlines(connect, read if isinstance(read, (int, float)) else None, connect, None)


def _certificates(path: str) -> bytes:
    """The certificates of a bundle, or of every file of a folder."""
    if not os.path.exists(path):
        raise OSError(f"no TLS CA certificate bundle at {path}")
    paths = [path]
    if os.path.isdir(path):
        entries = (os.path.join(path, name) for name in sorted(os.listdir(path)))
        paths = [entry for entry in entries if os.path.isfile(entry)]
    pem = []
    for one in paths:
        with open(one, "rb") as file:
            pem.append(file.read())
    return b"\n".join(pem)


def _pieces(body: Any) -> Iterator[bytes]:
    """A body piece by piece: a file or its like, or an iterable."""
    read = getattr(body, "read", None)
    if read is None:
        yield from filter(None, body)
        return
    while chunk := read(CHUNK):
        yield chunk


def _fields(headers: Mapping[str, Union[str, bytes]]) -> list[tuple[str, Optional[bytes]]]:
    """Header fields as `http.client` encodes them."""
    fields: list[tuple[str, Optional[bytes]]] = [
        (name, value.encode("latin-1") if isinstance(value, str) else value)
        for name, value in ((_text(name), value) for name, value in headers.items())
        if name.lower() not in CONNECTION
    ]
    if "accept" not in headers:
        # The engine would add it, and who uses requests has taken it away.
        fields.append(("accept", None))
    return fields


def _text(name: Union[str, bytes]) -> str:
    return name.decode("ascii") if isinstance(name, bytes) else name


class Adapter(requests.adapters.BaseAdapter):
    """An adapter for `requests.Session`; threads may share it.

    Options are those of `trunkline.ClientOptions` that requests has no words for: `http_versions` ("auto": HTTP/2 where
    TLS negotiates it), `limits`, `drive`, `resolve`, `uds`, `server_hostname` and others. `verify=True` stands for the
    platform's trust store, not for certifi's bundle.

    A request is sent again only where it is known to be unsent, or idempotent and its kept connection was lost.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        check_options("Adapter", options, _EACH_TIME)
        self._options = options
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._managers: dict[Any, Manager] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Sessions are pickled with their adapters.
        return (partial(type(self), **self._options), ())

    def _manager(self, verify: Union[bool, str], cert: CertTypes) -> Manager:
        """The manager for these certificates; connections are shared under the same ones only."""
        if self._process != os.getpid():
            # A forked child has connections of its own: programs often make their sessions before they fork.
            self._reset()
        key = (verify, cert)
        with self._lock:
            manager = self._managers.get(key)
            if manager is None:
                if verify is False:
                    kind = urllib3.exceptions.InsecureRequestWarning
                    warnings.warn("the peers' certificates are not checked", kind, stacklevel=4)
                options: dict[str, Any] = {
                    **self._options,
                    "verify": verify if isinstance(verify, bool) else _certificates(verify),
                }
                options["proxy_verify"] = options["verify"]
                if cert is not None:
                    options["cert"] = cert
                manager = bare_manager(options)
                self._managers[key] = manager
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: TimeoutTypes = None,
        verify: Union[bool, str, os.PathLike[str], None] = True,
        cert: Union[str, tuple[str, ...], list[str], None] = None,
        proxies: Optional[Mapping[str, str]] = None,
    ) -> requests.Response:
        """Sends a request; answers when the head of the answer is there."""
        if not request.url or not request.method:
            raise requests.exceptions.MissingSchema("the request was not prepared")
        url = requests.utils.urldefragauth(request.url)
        extra: dict[str, Any] = {}
        proxy = requests.utils.select_proxy(request.url, cast(Any, proxies))
        if proxy:
            proxy = requests.utils.prepend_scheme_if_needed(proxy, "http")
            extra["proxy"] = proxy
        secure = url[:6].lower() == "https:" or (proxy or "")[:6].lower() == "https:"
        pair = tuple(cert) if isinstance(cert, (tuple, list)) else cert
        manager = self._manager(
            (verify if isinstance(verify, bool) else os.fspath(verify or "") or False)
            if secure
            else True,
            cast("CertTypes", (pair or None) if secure else None),
        )
        body: Any = request.body
        source = None
        if body is not None and not isinstance(body, (bytes, str, bytearray, memoryview)):
            source, body = _pieces(body), None
            extra["streamed"] = None
        try:
            exchange = manager.open(
                request.method,
                url,
                _fields(request.headers),
                body or None,
                _timeout(timeout),
                extra or None,
            )
            response = StreamingResponse(exchange, request.method, url, source)
            try:
                response._begin()
            except BaseException:
                response.close()
                raise
        except errors.Error as error:
            raise _mapped(error, request) from error
        return make_response(self, request, response, manager, url)

    def close(self) -> None:
        """Closes the connections once the answers that are still read have ended. It may be used again."""
        with self._lock:
            self._managers.clear()


def _mapped(
    error: errors.Error, request: requests.PreparedRequest
) -> requests.exceptions.RequestException:
    """What requests raises for an error of the library."""
    if isinstance(error, errors.InvalidArgument) and error.message.startswith("proxy:"):
        return requests.exceptions.InvalidProxyURL(error, request=request)
    kind = nearest(_ERRORS, error)
    return (kind or requests.exceptions.RequestException)(error, request=request)
