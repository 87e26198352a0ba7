"""An emulated register with ATOL's driver on top: link, paper, drawer and counters over a software FN.

A test emulator, not a cash register: its FN is the virtual one, and nothing it makes is fiscal.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kkt_adapter.fiscal.kkt.driver import KktState, KktStatus
from kkt_adapter.fiscal.kkt.virtual.fn import VirtualFn
from kkt_adapter.fiscal.kkt.virtual.state import Blocked
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktBlocked,
    KktRefused,
    KktUnavailable,
    ShiftExpired,
)

T = TypeVar("T")

NO_LINK, NO_PAPER, COVER = 2, 44, 45
_BLOCKED = {Blocked.FN_FULL: 121, Blocked.FN_EXPIRED: 120, Blocked.FN_UNSENT_LIMIT: 140}
_OF_FN = {0x02: 12, 0x09: 16, 0x10: 98, 0x19: 143}  # the FN's refusals as the driver tells them


class DriverError(Exception):
    """A task fails with a code of the driver."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@dataclass(slots=True)
class DrawerCash:
    """Cash beside receipts, of the present shift; kept in the state folder."""

    ins: int = 0
    outs: int = 0
    in_kop: int = 0
    out_kop: int = 0
    whole_kop: int = 0  # of all shifts


class AtolMachine:
    """``open`` before anything else. Every method is called from one task."""

    def __init__(
        self,
        make_fn: Callable[[], VirtualFn],
        *,
        driver_version: str,
        firmware: str,
        state_file: Path | None = None,
    ) -> None:
        self.make_fn = make_fn
        self.driver_version = driver_version
        self.firmware = firmware
        self.fn = make_fn()
        self.linked = True
        self.paper = True
        self.cover_open = False
        self.forced: Blocked | None = None
        self.mark_answer = "good"  # good, bad, offline, silent, refused
        self.marks: dict[str, int] = {}  # accepted codes with their 2106
        self.mark_asked: str | None = None
        self.drawer = DrawerCash()
        self.printed: list[str] = []  # slips that are no documents
        self._state_file = state_file
        self._registration: Registration | None = None

    def open(self) -> None:
        """Raises KktUnavailable: the FN's file is held or damaged."""
        self._registration = self.fn.open()
        if self._state_file is not None and self._state_file.is_file():
            self.drawer = DrawerCash(**json.loads(self._state_file.read_text()))

    def close(self) -> None:
        self.fn.close()

    def swap_fn(self, make_fn: Callable[[], VirtualFn]) -> None:
        """A service engineer puts another FN in."""
        self.fn.close()
        self.make_fn = make_fn
        self.fn = make_fn()
        self._registration = self.fn.open()

    @property
    def registration(self) -> Registration:
        assert self._registration is not None, "open the machine first"
        return self._registration

    def status(self) -> KktStatus:
        return self.fn.status(condition=KktState.READY, forced=self.forced)

    def now(self) -> datetime:
        return self.status().clock

    def need_link(self) -> None:
        if not self.linked:
            raise DriverError(NO_LINK, "Нет связи")

    def need_paper(self) -> None:
        if self.cover_open:
            raise DriverError(COVER, "Открыта крышка")
        if not self.paper:
            raise DriverError(NO_PAPER, "Нет бумаги")

    def save(self) -> None:
        if self._state_file is not None:
            fresh = self._state_file.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(self.drawer)))
            fresh.replace(self._state_file)

    def by_fn(self, work: Callable[[], T]) -> T:
        """What the FN says, as the driver's code."""
        try:
            return work()
        except ShiftExpired as error:
            raise DriverError(68, "Смена превысила 24 часа") from error
        except KktBlocked as error:
            code = _BLOCKED.get(Blocked(str(error.facts["reason"])), 118)
            raise DriverError(code, error.detail.ru) from error
        except KktRefused as error:
            raise DriverError(_OF_FN.get(error.device_code, 13), error.detail.ru) from error
        except (KktUnavailable, AdapterError) as error:
            raise DriverError(118, error.detail.ru) from error
