"""A conversation over a WebSocket.

python examples/python/chat.py ws://HOST/PATH
"""

import asyncio
import sys

import trunkline


async def main(url: str) -> None:
    async with trunkline.AsyncClient() as client, client.websocket(url) as ws:
        for line in ("hello", "how are you", "bye"):
            await ws.send(line)
        async for message in ws:
            print("received:", message)
            if message == "bye":
                await ws.close()
    print("closed:", ws.close_code)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
