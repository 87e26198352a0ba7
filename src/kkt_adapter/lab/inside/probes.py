"""Named points of a node: what passes through the product's seams, where it can be made to die or to stop.

A point is named after the code that makes it: ``PrintLane._begin:inside`` is that function's write, done but
not committed. Nobody keeps a list of them: the lab learns each name when it first passes, so a write that is
added to the product tomorrow is a point tomorrow.
"""

import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

BEFORE, INSIDE, AFTER = "before", "inside", "after"


@dataclass(slots=True)
class Armed:
    """The next passing of any of ``points`` but ``skip`` ends (SIGKILL) or stops (SIGSTOP) the process right
    there."""

    points: frozenset[str]
    signal: signal.Signals
    skip: int


class Probes:
    """The points of one process; passed by any of its threads."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        """``tell(what, point)``: ``seen`` once for each point, ``reached`` right before the signal."""
        self._tell = tell
        self._seen: set[str] = set()
        self._armed: Armed | None = None
        self._lock = threading.Lock()

    def arm(self, points: Iterable[str], *, kind: signal.Signals, skip: int = 0) -> None:
        with self._lock:
            self._armed = Armed(frozenset(points), kind, skip)

    def disarm(self) -> None:
        with self._lock:
            self._armed = None

    def pass_by(self, point: str) -> None:
        """The process is at this point now. After a stop it goes on from here."""
        if point not in self._seen:
            self._seen.add(point)
            self._tell("seen", point)
        armed = self._armed
        if armed is not None and point in armed.points:
            self._fire(point)

    def _fire(self, point: str) -> None:
        """All of it under the lock: after ``disarm`` has returned, nothing fires any more."""
        with self._lock:
            armed = self._armed
            if armed is None or point not in armed.points:
                return
            if armed.skip > 0:
                armed.skip -= 1
                return
            self._armed = None
            self._tell("reached", point)
            # To this very thread: a signal to the process may be taken by another thread, a moment later.
            signal.pthread_kill(threading.get_ident(), armed.signal)


def name_of(work: Callable[..., Any]) -> str:
    """Where a piece of work was written: ``Class.method`` or ``module.function``, without local parts."""
    if isinstance(work, partial):
        return name_of(work.func)
    qualified: str = getattr(work, "__qualname__", type(work).__name__)
    name = qualified.split(".<locals>")[0]
    if "." in name:
        return name
    module = str(getattr(work, "__module__", "")).rpartition(".")[2]
    return f"{module}.{name}"
