"""Echoes what Autobahn's fuzzing server sends, over the public Python API, and has it write its report.

    python tests/autobahn/client.py --url ws://127.0.0.1:9001 --agent NAME [--cases all|short|1.1.1,...] [--mode sync|async]

`short` leaves out the sub-cases 7 to 18 of groups 12 and 13, which send the same as 1 to 6 in larger messages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from urllib.parse import quote

import trunkline

#: The largest messages of the suite have 16 MiB, in one frame.
LIMITS = trunkline.Limits(websocket_max_frame_bytes=64 << 20, websocket_max_message_bytes=64 << 20)


def wanted(case: str, cases: str) -> bool:
    """Whether a case, by its name, is among those asked for."""
    if cases == "all":
        return True
    if cases == "short":
        parts = case.split(".")
        return not (parts[0] in ("12", "13") and int(parts[2]) >= 7)
    return case in cases.split(",")


class Blocking:
    """By blocking calls."""

    def __init__(self, url: str, agent: str) -> None:
        self.url, self.agent = url, quote(agent)
        self.client = trunkline.Client(websocket_compression="deflate", limits=LIMITS)

    def run(self, cases: str) -> int:
        """Runs the cases; how many."""
        done = 0
        with self.client:
            for number in range(1, int(self.ask("getCaseCount")) + 1):
                if wanted(json.loads(self.ask(f"getCaseInfo?case={number}"))["id"], cases):
                    self.case(number)
                    done += 1
            self.ask(f"updateReports?agent={self.agent}")
        return done

    def ask(self, what: str) -> str:
        """What the server says in one message, if it says anything."""
        with self.client.websocket(f"{self.url}/{what}") as ws:
            return next((str(message) for message in ws), "")

    def case(self, number: int) -> None:
        """Plays one case. However it ends, the server is the judge of it."""
        try:
            url = f"{self.url}/runCase?case={number}&agent={self.agent}"
            with self.client.websocket(url) as ws:
                for message in ws:
                    ws.send(message)
        except trunkline.Error:
            pass


class Awaited:
    """The same from asyncio."""

    def __init__(self, url: str, agent: str) -> None:
        self.url, self.agent = url, quote(agent)

    def run(self, cases: str) -> int:
        """Runs the cases; how many."""
        return asyncio.run(self.play(cases))

    async def play(self, cases: str) -> int:
        """The same as a coroutine."""
        done = 0
        async with trunkline.AsyncClient(websocket_compression="deflate", limits=LIMITS) as client:
            self.client = client
            for number in range(1, int(await self.ask("getCaseCount")) + 1):
                info = json.loads(await self.ask(f"getCaseInfo?case={number}"))
                if wanted(info["id"], cases):
                    await self.case(number)
                    done += 1
            await self.ask(f"updateReports?agent={self.agent}")
        return done

    async def ask(self, what: str) -> str:
        """What the server says in one message, if it says anything."""
        async with self.client.websocket(f"{self.url}/{what}") as ws:
            async for message in ws:
                return str(message)
        return ""

    async def case(self, number: int) -> None:
        """Plays one case. However it ends, the server is the judge of it."""
        try:
            url = f"{self.url}/runCase?case={number}&agent={self.agent}"
            async with self.client.websocket(url) as ws:
                async for message in ws:
                    await ws.send(message)
        except trunkline.Error:
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--cases", default="all")
    parser.add_argument("--mode", choices=("sync", "async"), default="sync")
    given = parser.parse_args()
    kind = Blocking if given.mode == "sync" else Awaited
    print(kind(given.url, given.agent).run(given.cases), "cases", given.agent, flush=True)


if __name__ == "__main__":
    main()
