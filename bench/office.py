"""The back office of a measurement, in a process of its own: the strict emulator.

``python -m bench.office`` prints its address; SIGTERM makes it print its book's counters as JSON and end.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from kkt_adapter.emulators.erp import ErpEmulator

STOP_S = 10.0


class Office:
    """The running process. ``look`` ends it."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.url = url
        self._process = process

    def look(self) -> dict[str, Any]:
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=STOP_S)
        seen: dict[str, Any] = json.loads(said)
        return seen

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def keeping_books() -> Iterator[Office]:
    process = subprocess.Popen([sys.executable, "-m", "bench.office"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    office = Office(process, process.stdout.readline().strip())
    try:
        yield office
    finally:
        office.stop()


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_keep())


async def _keep() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    emulator = ErpEmulator(control_port=None)
    await emulator.start()
    print(emulator.url, flush=True)
    await stop.wait()
    await emulator.stop()
    print(json.dumps(emulator.book.state()), flush=True)


if __name__ == "__main__":
    main()
