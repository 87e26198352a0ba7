"""The source of a measurement, in a process of its own: ``python -m bench.catalog.stand_in PRODUCTS``.

Prints its base address, then serves until its standard input is closed. It keeps the texts of its products,
so that it takes as little as it can of the processor it shares with what is measured.
"""

import asyncio
import gc
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from kkt_adapter.emulators.g2a import G2AEmulator


class Source:
    """The stand-in, seen from outside."""

    def __init__(self, base_url: str, process: "subprocess.Popen[str]") -> None:
        self.base_url = base_url
        self._process = process

    def set_faults(self, **faults: Any) -> None:
        self._post("faults", faults)

    def forget_counts(self) -> None:
        self._post("reset", {})

    def advance(self, **shares: float) -> None:
        """Let a day pass: by default 10 % repriced, 3 % gone, 2 % new, 1 % sold out."""
        self._post("advance", shares)

    def counters(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.base_url}/_emulator/counters", timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def processor_s(self) -> float:
        """Processor time that the stand-in took so far."""
        with open(f"/proc/{self._process.pid}/stat") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def _post(self, path: str, body: Any) -> None:
        request = urllib.request.Request(
            f"{self.base_url}/_emulator/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


@contextmanager
def source(products: int) -> Iterator[Source]:
    """The stand-in, running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.catalog.stand_in", str(products)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield Source(process.stdout.readline().strip(), process)
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


async def serve(products: int) -> None:
    emulator = G2AEmulator(products, keep_texts=True)
    print(await emulator.start(), flush=True)
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(closed.set)

    threading.Thread(target=wait, daemon=True).start()
    gc.freeze()
    await closed.wait()
    await emulator.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
