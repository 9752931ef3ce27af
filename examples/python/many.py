"""Many requests at once from asyncio, and one large answer piece by piece.

python examples/python/many.py URL
"""

import asyncio
import sys

import trunkline


async def main(url: str) -> None:
    async with trunkline.AsyncClient() as client:
        responses = await asyncio.gather(*(client.get(url) for _ in range(20)))
        print("statuses:", sorted({response.status_code for response in responses}))
        async with client.stream("GET", url) as response:
            size = 0
            async for chunk in response.aiter_bytes():  # the peer waits while you do
                size += len(chunk)
            print("streamed:", size, "bytes")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
