"""An emulated register with ATOL's driver on top: link, paper, drawer and counters over a software FN.

A test emulator, not a cash register: its FN is the virtual one, and nothing it makes is fiscal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kkt_adapter.emulators.fn_machine import FnMachine
from kkt_adapter.fiscal.kkt.virtual.fn import VirtualFn
from kkt_adapter.fiscal.kkt.virtual.state import Blocked
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


class AtolMachine(FnMachine[DrawerCash]):
    """Its counters are the drawer's."""

    def __init__(
        self,
        make_fn: Callable[[], VirtualFn],
        *,
        driver_version: str,
        firmware: str,
        state_file: Path | None = None,
    ) -> None:
        super().__init__(make_fn(), counters=DrawerCash(), state_file=state_file)
        self.make_fn = make_fn
        self.driver_version = driver_version
        self.firmware = firmware
        self.linked = True
        self.paper = True
        self.mark_asked: str | None = None
        self.printed: list[str] = []  # slips that are no documents

    def swap_fn(self, make_fn: Callable[[], VirtualFn]) -> None:
        """A service engineer puts another FN in."""
        self.fn.close()
        self.make_fn = make_fn
        self.fn = make_fn()
        self._registration = self.fn.open()

    def need_link(self) -> None:
        if not self.linked:
            raise DriverError(NO_LINK, "Нет связи")

    def need_paper(self) -> None:
        if self.cover_open:
            raise DriverError(COVER, "Открыта крышка")
        if not self.paper:
            raise DriverError(NO_PAPER, "Нет бумаги")

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
