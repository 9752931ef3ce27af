"""What the command line says, as the options of a client and of a request."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any, BinaryIO, Optional, Union

from .. import BasicAuth, BearerAuth, CookieJar, DigestAuth, HarLog, NetRCAuth, Timeout
from .._options import ClientOptions, RequestOptions


class Failure(Exception):
    """Ends the program with status 1 and this message."""


def _headers(arguments: argparse.Namespace) -> list[tuple[str, Optional[str]]]:
    headers: list[tuple[str, Optional[str]]] = []
    for field in arguments.header:
        name, colon, value = field.partition(":")
        if colon:
            headers.append((name.strip(), value.strip() or None))
        elif field.endswith(";"):
            headers.append((field[:-1].strip(), ""))
        else:
            raise Failure(f"header {field!r} has no colon")
    if vars(arguments).get("data") and not any(
        name.lower() == "content-type" for name, _ in headers
    ):
        # What curl says of such a body; -H changes it.
        headers.append(("content-type", "application/x-www-form-urlencoded"))
    return headers


def _auth(arguments: argparse.Namespace) -> Any:
    if arguments.user is not None:
        user, colon, password = arguments.user.partition(":")
        if not colon:
            password = getpass.getpass(f"Password of {user}: ")
        return (DigestAuth if arguments.digest else BasicAuth)(user, password)
    if arguments.digest:
        raise Failure("--digest needs -u")
    if arguments.bearer is not None:
        return BearerAuth(arguments.bearer)
    if arguments.netrc_file is not None:
        return NetRCAuth(arguments.netrc_file)
    return NetRCAuth() if arguments.netrc else None


def _timeout(arguments: argparse.Namespace) -> Optional[Timeout]:
    given: dict[str, float] = {}
    if arguments.connect_timeout is not None:
        given = dict.fromkeys(("resolve", "connect", "tls"), arguments.connect_timeout)
    if arguments.max_time is not None:
        given["total"] = arguments.max_time
    if arguments.timeout is not None:
        return Timeout(arguments.timeout, **given)
    return Timeout(**given) if given else None


def _resolve(arguments: argparse.Namespace) -> dict[tuple[str, int], list[str]]:
    found = {}
    for given in arguments.resolve:
        host, _, rest = given.partition(":")
        port, _, addresses = rest.partition(":")
        if not (host and port.isdigit() and addresses):
            raise Failure(f"--resolve {given!r} is not HOST:PORT:ADDRESS")
        found[(host, int(port))] = [address.strip("[]") for address in addresses.split(",")]
    return found


def cookies_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Cookies that the command line names itself."""
    found = {}
    for given in arguments.cookie:
        for pair in given.split(";") if "=" in given else ():
            name, _, value = pair.strip().partition("=")
            if name:
                found[name] = value
    return found


def client_options(arguments: argparse.Namespace) -> ClientOptions:
    """Those of the client."""
    jar = CookieJar()
    for given in arguments.cookie:
        if given and "=" not in given:
            jar.load(given)
    options: ClientOptions = {"cookies": jar, "auth": _auth(arguments)}
    if headers := _headers(arguments):
        options["headers"] = headers
    if arguments.user_agent is not None:
        options["user_agent"] = arguments.user_agent
    if arguments.insecure:
        options["verify"] = False
    elif arguments.cacert:
        options["verify"] = arguments.cacert
    if arguments.cert:
        options["cert"] = (arguments.cert, arguments.key or arguments.cert)
    if arguments.proxy:
        proxy = arguments.proxy
        options["proxy"] = proxy if "://" in proxy else f"http://{proxy}"
    if arguments.noproxy is not None:
        options["no_proxy"] = arguments.noproxy
    if arguments.resolve:
        options["resolve"] = _resolve(arguments)
    if arguments.unix_socket:
        options["uds"] = arguments.unix_socket
    timeout = _timeout(arguments)
    if timeout is not None:
        options["timeout"] = timeout
    if arguments.har:
        options["har"] = HarLog()
    return options


def keep(arguments: argparse.Namespace, options: ClientOptions) -> None:
    """Writes what is to be kept when all is over."""
    jar = options.get("cookies")
    if arguments.cookie_jar and isinstance(jar, CookieJar):
        jar.save(arguments.cookie_jar)
    if "har" in options:
        options["har"].save(arguments.har)


def _content(data: list[str]) -> Union[bytes, BinaryIO]:
    if len(data) == 1 and data[0] == "@-":
        return sys.stdin.buffer
    if len(data) == 1 and data[0].startswith("@"):
        return open(data[0][1:], "rb")
    pieces = []
    for one in data:
        if one == "@-":
            pieces.append(sys.stdin.buffer.read())
        else:
            pieces.append(Path(one[1:]).read_bytes() if one.startswith("@") else one.encode())
    return b"&".join(pieces)


def _part(given: str) -> tuple[str, Any]:
    """A part of a form: its name, and a file as `files` takes it."""
    name, equals, content = given.partition("=")
    if not (name and equals):
        raise Failure(f"--form {given!r} is not NAME=CONTENT")
    if not content.startswith(("@", "<")):
        return name, (None, content)
    path, *more = content[1:].split(";")
    settings = {key: value for key, _, value in (one.strip().partition("=") for one in more)}
    if unknown := settings.keys() - {"type", "filename"}:
        raise Failure(f"--form {given!r}: {min(unknown)!r} is neither type nor filename")
    kind = settings.get("type")
    if content.startswith("<"):
        return name, (None, Path(path).read_bytes(), kind)
    filename = settings.get("filename", Path(path).name)
    return name, (filename, Path(path), kind)


def request_options(arguments: argparse.Namespace) -> RequestOptions:
    """Those of the request."""
    options: RequestOptions = {"follow_redirects": not arguments.no_location}
    if arguments.data and arguments.form:
        raise Failure("a request has one body, not -d and -F")
    if arguments.data:
        options["content"] = _content(arguments.data)
    if arguments.form:
        options["files"] = [_part(given) for given in arguments.form]
    if cookies := cookies_of(arguments):
        options["cookies"] = cookies
    if arguments.http1 or arguments.http2:
        options["http_versions"] = "http1" if arguments.http1 else "http2"
    elif arguments.http2_upgrade:
        options["http_versions"] = "upgrade"
    if arguments.location_trusted:
        options["redirect_trusted"] = True
    if arguments.max_redirs is not None:
        options["max_redirects"] = arguments.max_redirs
    if arguments.retry:
        options["retry"] = "safe_transient"
        options["max_retries"] = arguments.retry
    if arguments.raw:
        options["decode"] = False
    if arguments.fail:
        options["raise_for_status"] = True
    return options
