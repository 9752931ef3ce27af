"""A WebSocket server by the `websockets` package: an echo that takes a few orders.

    python websocket.py PORT

Anything but an upgrade is answered with 200.
"""

import asyncio
import sys
from http import HTTPStatus

from websockets.asyncio.server import Request, Response, ServerConnection, serve


def plain(connection: ServerConnection, request: Request) -> Response | None:
    """Answers what is no upgrade."""
    if "sec-websocket-key" in request.headers:
        return None
    return connection.respond(HTTPStatus.OK, "ok")


async def talk(connection: ServerConnection) -> None:
    """Sends back what comes, or does what it says."""
    async for message in connection:
        order, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
        if order == "close":
            code, _, reason = rest.partition(" ")
            await connection.close(int(code), reason)
        elif order == "fragments":
            await connection.send([rest[:1], "", rest[1:]])
        elif order == "ping":
            await (await connection.ping(rest))
            await connection.send("answered")
        elif order == "abort":
            connection.transport.abort()
        else:
            await connection.send(message)


async def main() -> None:
    """Serves until it is ended."""
    async with serve(
        talk, "127.0.0.1", int(sys.argv[1]), process_request=plain, max_size=None
    ) as server:
        await server.serve_forever()


asyncio.run(main())
