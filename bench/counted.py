"""Counts the product in a process of its own, so that the shim can be preloaded into it.

``python -m bench.counted FOLDER --receipts N`` prints JSON. Flushes are read from the file that the shim
writes, when it is there; write-ahead logs are not checkpointed meanwhile.
"""

import argparse
import asyncio
import json
import os
import struct
from pathlib import Path
from typing import Any

import uvloop

from bench import inside
from kkt_adapter.bootstrap import Services


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--receipts", type=int, required=True)
    given = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_count(given.folder, given.receipts))))


async def _count(folder: Path, receipts: int) -> dict[str, Any]:
    async with inside.running(folder / "one", 1) as services:
        one = await _cost(services, tills=1, each=receipts)
    async with inside.running(folder / "many", 32) as services:
        many = await _cost(services, tills=32, each=max(1, receipts // 8))
        with inside.traced(services) as trace:
            await inside.post_many(services, tills=4, each=2, name="traced")
            await inside.ask_everything(services)
        scans = await inside.full_scans(services, trace)
    return {"c=1": one, "c=32": many, "scans": scans}


async def _cost(services: Services, *, tills: int, each: int) -> dict[str, float]:
    """Per receipt. The first receipt of a till opens its shift and is not counted."""
    await inside.post_many(services, tills=tills, each=1, name="first")
    receipts = tills * each
    commits, flushes, frames = inside.commits(services), _flushes(), inside.log_frames(services)
    await inside.post_many(services, tills=tills, each=each, name="counted")
    commits, flushes = inside.commits(services) - commits, _flushes() - flushes
    frames = inside.log_frames(services) - frames
    with inside.traced(services) as trace:
        await inside.post_many(services, tills=tills, each=each, name="traced")
    return {
        "commits": commits / receipts,
        "flushes": flushes / receipts,
        "frames": frames / receipts,
        "statements": trace.total / receipts,
    }


def _flushes() -> int:
    """Flushes of write-ahead logs so far; 0 without the shim."""
    path = os.environ.get("BENCH_FSYNC_COUNTS")
    return 0 if path is None else int(struct.unpack_from("<Q", Path(path).read_bytes())[0])


if __name__ == "__main__":
    main()
