"""The source of a measurement, in a process of its own: ``python -m bench.catalog.stand_in PRODUCTS``.

Prints its base address, then serves until its standard input is closed.
"""

import asyncio
import sys

from kkt_adapter.emulators.g2a import G2AEmulator


async def serve(products: int) -> None:
    emulator = G2AEmulator(products)
    print(await emulator.start(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await emulator.stop()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
