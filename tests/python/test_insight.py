"""What is shown of the inside: exchanges as an HTTP archive, counters as text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import Server

import trunkline
from trunkline import AsyncClient, Client, HarLog


def entries(log: HarLog) -> Any:
    archive = json.loads(log.to_json())["log"]
    assert archive["version"] == "1.2"
    assert archive["creator"]["name"] == "trunkline"
    return archive["entries"]


def test_archive(server: Server, drive: Any, tmp_path: Path) -> None:
    log = HarLog()
    with Client(base_url=server.http, har=log, drive=drive, auth=("user", "secret")) as client:
        client.post("/echo?a=1", content=b"body")
        client.get("/status/404")
        with pytest.raises(trunkline.ConnectFailed):
            client.get("http://127.0.0.1:1/")
    posted, missing, failed = entries(log)
    assert posted["request"]["method"] == "POST"
    assert posted["request"]["queryString"] == [{"name": "a", "value": "1"}]
    assert posted["response"]["content"]["text"] == "body"
    assert missing["response"]["status"] == 404
    assert failed["response"]["status"] == 0
    assert "secret" not in log.to_json()
    assert "Basic" not in log.to_json()
    path = tmp_path / "session.har"
    log.save(path)
    assert json.loads(path.read_text()) == json.loads(log.to_json())
    assert path.stat().st_mode & 0o777 == 0o600
    log.clear()
    assert entries(log) == []
    with pytest.raises(trunkline.IoError):
        log.save(tmp_path)


async def test_clients_share_an_archive(server: Server) -> None:
    log = HarLog(credentials=True)
    with Client(base_url=server.http, har=log) as client:
        client.get("/bytes/1", auth=trunkline.BearerAuth("shown"))
    async with AsyncClient(base_url=server.http, har=log) as aclient:
        await aclient.get("/bytes/2")
    first, second = entries(log)
    assert {"name": "authorization", "value": "Bearer shown"} in first["request"]["headers"]
    assert second["request"]["url"].endswith("/bytes/2")


def test_openmetrics(client: Client) -> None:
    client.get("/bytes/1")
    text = client.openmetrics()
    assert re.search(r"^trunkline_requests_completed_total 1$", text, re.M)
    assert re.search(r"^# TYPE trunkline_requests_active gauge$", text, re.M)
    assert text.endswith("# EOF\n")


async def test_openmetrics_async(aclient: AsyncClient) -> None:
    await aclient.get("/bytes/1")
    assert "\ntrunkline_requests_completed_total 1\n" in aclient.openmetrics()
