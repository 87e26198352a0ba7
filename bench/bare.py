"""Baseline **bare drain**: ready messages over the same framing in the same order, without codec or database.

``python -m bench.bare FOLDER --port P`` sends every document of the virtual FNs in FOLDER, the FNs side by
side, each document over a connection of its own and after the answer to the one before.
"""

import argparse
import asyncio
import sqlite3
from pathlib import Path

import uvloop

HEADER_BYTES = 30
_SIZE_AT = slice(24, 26)  # uint16 LE: bytes behind the header


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--port", type=int, required=True)
    given = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_drain([messages(path) for path in drives(given.folder)], given.port))


def drives(folder: Path) -> list[Path]:
    """The FN files of a data directory."""
    return sorted((folder / "fn").glob("*.sqlite"))


def messages(drive: Path) -> list[bytes]:
    """Every document of one FN, as it goes to the operator."""
    with sqlite3.connect(f"file:{drive}?mode=ro", uri=True) as connection:
        return [row[0] for row in connection.execute("SELECT message FROM documents ORDER BY fd_number")]


async def _drain(lanes: list[list[bytes]], port: int) -> None:
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(_send(lane, port))


async def _send(lane: list[bytes], port: int) -> None:
    for message in lane:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(message)
        head = await reader.readexactly(HEADER_BYTES)
        await reader.readexactly(int.from_bytes(head[_SIZE_AT], "little"))
        writer.close()


if __name__ == "__main__":
    main()
