"""What a document costs at the device: each command sent for it, and how long its answer took."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from kkt_adapter.kernel.quick import quickly_made

COMMANDS_KEPT = 4_000  # of one document; a receipt of 500 marked lines takes about 2,600


@quickly_made
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

    def document(self) -> AbstractContextManager[None]:
        """Around everything that is sent for one document."""
        return _Document(self)

    def command(self, name: str) -> AbstractContextManager[None]:
        """Around one command, whatever comes of it."""
        return _Command(self, name)

    @property
    def times(self) -> Sequence[CommandTime]:
        """Those of the last document, oldest first."""
        return tuple(self._times)

    def _begin(self) -> None:
        self._times.clear()
        self._counts = True

    def _end(self) -> None:
        self._counts = False

    def _note(self, name: str, began: float) -> None:
        if self._counts:
            self._times.append(CommandTime(name, round((self._monotonic() - began) * 1000)))


class _Document(AbstractContextManager[None]):
    __slots__ = ("_meter",)

    def __init__(self, meter: CommandMeter) -> None:
        self._meter = meter

    def __enter__(self) -> None:
        self._meter._begin()

    def __exit__(self, *_: object) -> None:
        self._meter._end()


class _Command(AbstractContextManager[None]):
    __slots__ = ("_began", "_meter", "_name")

    def __init__(self, meter: CommandMeter, name: str) -> None:
        self._meter = meter
        self._name = name

    def __enter__(self) -> None:
        self._began = self._meter._monotonic()

    def __exit__(self, *_: object) -> None:
        self._meter._note(self._name, self._began)
