"""Every error of the core has its class."""

from __future__ import annotations

import builtins
import pickle

import pytest
from conftest import Server

import trunkline
from trunkline import Client, _errors
from trunkline._native import error_table


def test_every_code_has_its_class() -> None:
    table = {number: name for number, name, _ in error_table()}
    assert set(table) == set(_errors.BY_CODE)
    assert len(set(_errors.BY_CODE.values())) == len(table)
    for number, kind in _errors.BY_CODE.items():
        assert issubclass(kind, trunkline.Error)
        assert getattr(trunkline, kind.__name__) is kind
        words = table[number].replace("websocket", "web_socket").split("_")
        camel = "".join(word.capitalize() for word in words)
        renamed = {
            "Timeout": "CallTimeout",
            "Forked": "ForkedError",
            "Io": "IoError",
            "HttpStatus": "StatusError",
        }
        assert kind.__name__ == renamed.get(camel, camel)


def test_families() -> None:
    timeouts = [kind for number, kind in _errors.BY_CODE.items() if 30 <= number <= 37]
    assert len(timeouts) == 8
    for kind in timeouts:
        assert issubclass(kind, trunkline.TimeoutError)
        assert issubclass(kind, builtins.TimeoutError)
    assert issubclass(trunkline.InvalidArgument, ValueError)
    assert issubclass(trunkline.TlsCertificate, trunkline.ConnectError)


def test_attributes(server: Server) -> None:
    with Client() as client:
        with pytest.raises(trunkline.ConnectFailed) as caught:
            client.get("http://127.0.0.1:1/")
        error = caught.value
        assert (error.code, error.name) == (41, "connect_failed")
        assert error.phase == "connect"
        assert error.peer_code is None
        assert str(error).startswith("connect_failed: ")
        with pytest.raises(trunkline.InvalidUrl):
            client.get("nonsense")
        with pytest.raises(trunkline.InvalidHeader):
            client.get(server.http, headers={"x": "a\r\nb"})
        with pytest.raises(trunkline.InvalidArgument):
            client.request("G T", server.http)
        with pytest.raises(TypeError, match="no argument"):
            client.get(server.http, nonsense=1)  # type: ignore[call-arg]
        with pytest.raises(trunkline.ResolveFailed):
            client.get("http://nowhere.invalid/")


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="http_versions"):
        Client(http_versions="http3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="drive"):
        Client(drive="car")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        Client(verify="/no/such/file")


def test_errors_survive_pickling() -> None:
    error = trunkline.ConnectTimeout("message", 32, "connect_timeout", "connect", 7)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    closed = pickle.loads(pickle.dumps(trunkline.WebSocketClosed(1001, "away")))
    assert (closed.code, closed.reason) == (1001, "away")
