"""The operator of a drain, in a process of its own: the emulator, and when documents arrived.

``python -m bench.operator [--hang FN]`` prints its port; SIGTERM makes it print what it saw as JSON and end.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvloop

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.ofd.book import OfdBook
from kkt_adapter.emulators.ofd.faults import OfdFault, OfdFaultMode
from kkt_adapter.emulators.ofd.ledger import Arrival

STOP_S = 10.0


class TimedBook(OfdBook):
    """Remembers when each FN's first and last document came; monotonic seconds."""

    def reset(self) -> None:
        super().reset()
        self.first_at: dict[str, float] = {}
        self.last_at: dict[str, float] = {}

    def receive(self, *given: Any, fn_number: str, **rest: Any) -> Arrival:
        now = time.monotonic()
        self.first_at.setdefault(fn_number, now)
        self.last_at[fn_number] = now
        return super().receive(*given, fn_number=fn_number, **rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one drain looked like from the operator's side."""

    documents: dict[str, int]  # unique ones, by FN
    first_at: dict[str, float]
    last_at: dict[str, float]
    repeated: int
    faults: int  # order, conflicts, refused messages

    def per_s(self, *, without: str | None = None) -> float:
        """Documents a second, from the first arrival to the last."""
        drives = [fn for fn in self.documents if fn != without]
        started = min(self.first_at[fn] for fn in drives)
        return sum(self.documents[fn] for fn in drives) / (max(self.last_at[fn] for fn in drives) - started)


class Operator:
    """The running process. ``look`` ends it."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.port = port
        self._process = process

    def look(self) -> Received:
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=STOP_S)
        return Received(**json.loads(said))

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def operating(*, hang: str | None = None) -> Iterator[Operator]:
    command = [sys.executable, "-m", "bench.operator", *(["--hang", hang] if hang else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    operator = Operator(process, int(process.stdout.readline()))
    try:
        yield operator
    finally:
        operator.stop()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--hang", default=None)
    given = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_operate(given.hang))


async def _operate(hang: str | None) -> None:
    book, stop = TimedBook(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    emulator = OfdEmulator(http_port=None, control_port=None, book=book)
    if hang is not None:
        await emulator.set_faults(OfdFault(mode=OfdFaultMode.HANG, fn=hang))
    await emulator.start()
    print(emulator.port, flush=True)
    await stop.wait()
    await emulator.stop()
    state = book.state()
    seen = {
        "documents": {fn: drive["unique"] for fn, drive in state["per_fn"].items()},
        "first_at": book.first_at,
        "last_at": book.last_at,
        "repeated": state["repeated"],
        "faults": state["order_faults"] + state["conflicts"] + state["refused"],
    }
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
