"""What the lab hears from its nodes and tells them, over one local socket."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Protocol

from kkt_adapter.emulators.listening import stop_accepting, turns


class NodeListener(Protocol):
    """A node as the channel knows it."""

    name: str

    def said_hello(self, pid: int) -> None: ...

    def built(self) -> None: ...

    def reached(self, point: str) -> None: ...

    def disarmed(self) -> None: ...

    def left(self, register_id: str, plan: dict[str, Any] | None) -> None: ...


class ControlChannel:
    """``points`` are all that were ever seen, with how often a process was ended or stopped there."""

    def __init__(self, path: Path, *, only: Sequence[str] = ()) -> None:
        """``only``: the points to choose from; empty: all."""
        self.path = path
        self._only = frozenset(only)
        self.points: Counter[str] = Counter()
        self._nodes: dict[str, NodeListener] = {}
        self._lines: dict[str, asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    def add(self, node: NodeListener) -> None:
        self._nodes[node.name] = node

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def close(self) -> None:
        """Every connection is ended, also one that was just being made."""
        if self._server is not None:
            server, self._server = self._server, None
            await stop_accepting(server)
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await turns()

    def send(self, node: str, command: dict[str, Any]) -> bool:
        """Give a node a command; False when it is not there."""
        line = self._lines.get(node)
        if line is None or line.is_closing():
            return False
        line.write(json.dumps(command).encode() + b"\n")
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        node: NodeListener | None = None
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            async for line in reader:
                node = self._hear(json.loads(line), node, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a killed process hangs up like this
        finally:
            if node is not None and self._lines.get(node.name) is writer:
                del self._lines[node.name]
            self._serving.discard(task)
            writer.close()

    def _hear(
        self, said: dict[str, Any], node: NodeListener | None, writer: asyncio.StreamWriter
    ) -> NodeListener | None:
        if "hello" in said:
            node = self._nodes[said["hello"]["name"]]
            self._lines[node.name] = writer
            node.said_hello(said["hello"]["pid"])
        elif node is not None and "built" in said:
            node.built()
        elif "seen" in said:
            self.points.setdefault(said["seen"], 0)
        elif node is not None and "reached" in said:
            self.points[said["reached"]] += 1
            node.reached(said["reached"])
        elif node is not None and "disarmed" in said:
            node.disarmed()
        elif node is not None and "left" in said:
            node.left(said["left"]["register"], said["left"]["plan"])
        return node

    def rarest(self, rng: Random) -> list[str]:
        """The third of all points that was hit least often; none before any was seen. A third and not one: a
        point that is passed once a day must not keep everybody waiting."""
        known = sorted(point for point in self.points if not self._only or point in self._only)
        rng.shuffle(known)
        known.sort(key=self.points.__getitem__)
        return known[: math.ceil(len(known) / 3)]
