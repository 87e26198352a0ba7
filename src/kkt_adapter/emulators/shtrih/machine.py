"""An emulated Shtrih-M register: modes, paper, open documents and counters over a software FN.

A test emulator, not a cash register: its FN is the virtual one, and nothing it makes is fiscal. It executes
one command at a time; ``commands`` knows their layouts. Connections and lost answers are ``line.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kkt_adapter.emulators.fn_machine import FnMachine
from kkt_adapter.emulators.shtrih.model import DESKTOP, Model
from kkt_adapter.emulators.shtrih.notifications import Notifications
from kkt_adapter.emulators.shtrih.own_clock import OwnClock
from kkt_adapter.emulators.shtrih.receipt import Closing, OpenReceipt, document_of
from kkt_adapter.emulators.shtrih.tables import DATE_IN_ANSWERS, FFD_TABLE, DeviceTables
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.shtrih import modes
from kkt_adapter.fiscal.kkt.shtrih.values import ymd_hm
from kkt_adapter.fiscal.kkt.virtual.fn import VirtualFn
from kkt_adapter.fiscal.kkt.virtual.state import Blocked
from kkt_adapter.fiscal.model import Cashier, FiscalDocument, Operation, ShiftReport
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktBlocked,
    KktRefused,
    KktUnavailable,
    ShiftExpired,
)

T = TypeVar("T")

NOTHING, OPENING, RECEIPT, CLOSING, CORRECTION, STATE = 0x00, 0x02, 0x04, 0x08, 0x14, 0x17
"""Documents that the FN may be making, as FF01 tells them."""

FULL, EXPIRED, UNSENT = 0x06, 0x05, 0x15
_BLOCKED = {Blocked.FN_FULL: FULL, Blocked.FN_EXPIRED: EXPIRED, Blocked.FN_UNSENT_LIMIT: UNSENT}
SYSTEM_ADMIN, ADMIN = 30, 29


class Fail(Exception):
    """The command ends with an error code; ``sub_code`` goes into the four-byte error."""

    def __init__(self, code: int, sub_code: int = 0) -> None:
        super().__init__(f"{code:02X}h")
        self.code = code
        self.sub_code = sub_code


@dataclass(slots=True)
class DeviceCounters:
    """What a device counts beside its FN; kept in the state folder."""

    documents: int = 0  # everything printed
    cash_ins: int = 0
    cash_outs: int = 0
    shift_cash_ins: int = 0
    shift_cash_outs: int = 0
    cash_in_kop: int = 0
    cash_out_kop: int = 0
    shift_cash_in_kop: int = 0
    shift_cash_out_kop: int = 0
    by_operation: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    shift_by_operation: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    def begin_shift(self) -> None:
        self.shift_cash_ins = self.shift_cash_outs = 0
        self.shift_cash_in_kop = self.shift_cash_out_kop = 0
        self.shift_by_operation = [0, 0, 0, 0]


@dataclass(slots=True)
class Dump:
    """A document that FF3B is giving piece by piece."""

    pieces: list[bytes]
    at: int = 0


class ShtrihMachine(FnMachine[DeviceCounters]):
    def __init__(
        self,
        fn: VirtualFn,
        *,
        model: Model = DESKTOP,
        state_file: Path | None = None,
        clock: OwnClock | None = None,
    ) -> None:
        """``clock`` is that of the FN, where it can be set."""
        super().__init__(fn, counters=DeviceCounters(), state_file=state_file)
        self._clock = clock
        self.model = model
        self.receipt: OpenReceipt | None = None
        self.begun = NOTHING
        self.report_tags: list[bytes] = []
        self.dump: Dump | None = None
        self.sub_mode = modes.PAPER_IDLE
        self.date_to_confirm: bytes | None = None
        self.paper_ends_after_next = False
        self.mark_asked: tuple[str, int] | None = None
        self.notifications = Notifications()
        self.buffer: dict[int, bytes] = {}  # DDh
        self.reply = bytearray()
        self.reply_size = 0
        self._tables: DeviceTables | None = None

    def open(self) -> None:
        super().open()
        self._tables = DeviceTables(self.registration, ffd=int(self.registration.ffd_version))

    @property
    def tables(self) -> DeviceTables:
        assert self._tables is not None, "open the machine first"
        return self._tables

    def set_wall(self, moment: datetime) -> None:
        """By the host's command; the FN goes on from its last document where that is later."""
        if self._clock is not None:
            self._clock.apart += moment - self.now()

    @property
    def mode(self) -> int:
        if self.dump is not None and self.model.dump_mode:
            return modes.DUMP
        if self.date_to_confirm is not None:
            return modes.CONFIRM_DATE
        if self.receipt is not None:
            return modes.DOCUMENT_OPEN | (self.receipt.kind & 3) << 4
        match self.status().shift_state:
            case ShiftState.OPEN:
                return modes.SHIFT_OPEN
            case ShiftState.EXPIRED:
                return modes.SHIFT_EXPIRED
            case _:
                return modes.SHIFT_CLOSED

    @property
    def flags(self) -> int:
        paper = self.sub_mode in (modes.PAPER_IDLE, modes.WAITS_FOR_CONTINUE)
        return (0x0ABE if paper else 0x0A3C) | (modes.FLAG_COVER_OPEN if self.cover_open else 0)

    @property
    def document(self) -> int:
        if self.receipt is not None and self.receipt.lines:
            return CORRECTION if self.receipt.is_correction else RECEIPT
        return self.begun

    def need_paper(self) -> None:
        """Before whatever prints."""
        match self.sub_mode:
            case modes.NO_PAPER:
                raise Fail(0x6B)
            case modes.NO_PAPER_PRINTING:
                raise Fail(0x72)
            case modes.WAITS_FOR_CONTINUE:
                raise Fail(0x58)

    def need_mode(self, *allowed: int) -> None:
        if modes.mode_of(self.mode) not in allowed:
            raise Fail(self._wrong_mode(allowed))

    def _wrong_mode(self, allowed: tuple[int, ...]) -> int:
        mode = modes.mode_of(self.mode)
        if mode == modes.DOCUMENT_OPEN:
            return 0x4A
        if mode == modes.SHIFT_EXPIRED:
            return 0x4E
        return 0x73 if modes.DOCUMENT_OPEN in allowed else (0x3D if mode == modes.SHIFT_CLOSED else 0x3C)

    def set_paper(self, *, present: bool) -> None:
        """A person takes the roll out, or puts one in."""
        if not present:
            self.sub_mode = modes.NO_PAPER
        elif self.sub_mode == modes.NO_PAPER_PRINTING:
            self.sub_mode = modes.WAITS_FOR_CONTINUE
        elif self.sub_mode == modes.NO_PAPER:
            self.sub_mode = modes.PAPER_IDLE

    def power_cycle(self) -> None:
        """Desktop devices keep mode and registers: an open receipt survives; a dump does not."""
        self.dump = None
        self.buffer.clear()
        self.mark_asked = None

    def session_ended(self) -> None:
        """The host's connection is gone."""
        if self.model.auto_cancel:
            self.receipt = None
            self.begun = NOTHING

    def open_shift(self, operator: int) -> FiscalDocument:
        if self.status().shift_state is not ShiftState.CLOSED:
            raise Fail(0x3C)
        self.counters.begin_shift()
        document = self._by_fn(
            lambda: self.fn.open_shift(self._cashier(operator), term=0, forced=self.forced)
        )
        self._printed()
        return document

    def close_shift(self, operator: int) -> ShiftReport:
        report = self._by_fn(lambda: self.fn.close_shift(self._cashier(operator), term=0))
        self._printed()
        return report

    def report_state(self) -> FiscalDocument:
        document = self._by_fn(self.fn.report_state)
        self._printed()
        return document

    def fiscalize(self, receipt: OpenReceipt, closing: Closing, operator: int) -> FiscalDocument:
        value, body = document_of(
            receipt,
            closing,
            self.registration,
            cashier=self.tables.operator_name(operator),
            at=self.now(),
        )
        document = self._by_fn(lambda: self.fn.fiscalize(value, term=0, forced=self.forced, body=body))
        self.receipt = None
        if self.registration.offline_mode:
            self.notifications.keep([(one.mark, one.mark_check) for one in receipt.lines if one.mark])
        kind = {Operation.SALE: 0, Operation.EXPENSE: 1, Operation.REFUND: 2, Operation.EXPENSE_REFUND: 3}
        at = kind[receipt.operation]
        self.counters.by_operation[at] += 1
        self.counters.shift_by_operation[at] += 1
        self._printed()
        return document

    def move_cash(self, amount_kop: int, *, into: bool) -> int:
        """The running number of the slip."""
        counters = self.counters
        if into:
            counters.cash_ins += 1
            counters.shift_cash_ins += 1
            counters.cash_in_kop += amount_kop
            counters.shift_cash_in_kop += amount_kop
        else:
            if amount_kop > self.cash_kop():
                raise Fail(0x2E)
            counters.cash_outs += 1
            counters.shift_cash_outs += 1
            counters.cash_out_kop += amount_kop
            counters.shift_cash_out_kop += amount_kop
        self._printed()
        return counters.documents

    def cash_kop(self) -> int:
        """In the drawer: receipts of all time, and movements."""
        from kkt_adapter.fiscal.kkt.virtual.totals import Column

        _, whole = self.fn.stats()
        return whole.net(Column.CASH) + self.counters.cash_in_kop - self.counters.cash_out_kop

    def tail(self) -> bytes:
        """Five bytes of date and time, where the table wants them in answers."""
        wanted = self.model.extended_answers or self.tables.number(FFD_TABLE, DATE_IN_ANSWERS) == 1
        return ymd_hm(self.now()) if wanted else b""

    def _printed(self) -> None:
        """One more document on paper; the paper may end in the middle of it."""
        self.begun = NOTHING
        self.report_tags = []
        self.marks.clear()
        self.counters.documents += 1
        if self.paper_ends_after_next:
            self.paper_ends_after_next = False
            self.sub_mode = modes.NO_PAPER_PRINTING
        self.save()

    def _cashier(self, operator: int) -> Cashier:
        from kkt_adapter.fiscal.ffd.tlv import decode, first

        sent = [e for tlv in self.report_tags for e in decode(tlv)]
        name, inn = first(sent, 1021), first(sent, 1203)
        return Cashier(
            name=str(name.value) if name is not None else self.tables.operator_name(operator),
            inn=str(inn.value) if inn is not None else None,
        )

    def _by_fn(self, work: Callable[[], T]) -> T:
        """What the FN says, as the device's error code."""
        try:
            return work()
        except ShiftExpired as error:
            raise Fail(0x4E) from error
        except KktBlocked as error:
            raise Fail(_BLOCKED.get(Blocked(str(error.facts["reason"])), 0x03)) from error
        except KktRefused as error:
            raise Fail(error.device_code) from error
        except KktUnavailable as error:
            raise Fail(0x2F) from error
        except AdapterError as error:
            raise Fail(0x03) from error
