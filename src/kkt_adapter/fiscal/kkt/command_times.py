"""What a document costs at the device: each command sent for it, and how long its answer took."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

COMMANDS_KEPT = 4_000  # of one document; a receipt of 500 marked lines takes about 2,600


@dataclass(frozen=True, slots=True)
class CommandTime:
    """``name`` as the device's protocol calls it; ``took_ms`` with everything that was repeated inside."""

    name: str
    took_ms: int


class CommandMeter:
    """Belongs to one driver. Commands outside of ``document`` are not timed."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._times: deque[CommandTime] = deque(maxlen=COMMANDS_KEPT)  # the newest are kept
        self._counts = False

    @contextmanager
    def document(self) -> Iterator[None]:
        """Around everything that is sent for one document."""
        self._times.clear()
        self._counts = True
        try:
            yield
        finally:
            self._counts = False

    @contextmanager
    def command(self, name: str) -> Iterator[None]:
        """Around one command, whatever comes of it."""
        began = self._monotonic()
        try:
            yield
        finally:
            if self._counts:
                self._times.append(CommandTime(name, round((self._monotonic() - began) * 1000)))

    @property
    def times(self) -> Sequence[CommandTime]:
        """Those of the last document, oldest first."""
        return tuple(self._times)
