"""The seam to a cash register: what every driver can do, and what it promises when it cannot."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from kkt_adapter.fiscal.ffd.tlv import Element
from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.model import (
    Baseline,
    Cashier,
    FiscalDocument,
    OfdMessage,
    Receipt,
    Registration,
    ShiftReport,
    ShiftTotals,
)
from kkt_adapter.kernel.ids import FnNumber


class Fence(StrEnum):
    """What keeps a process that was frozen between its last look and its send from printing twice."""

    TERM = "term"  # the device refuses a lower lease term
    KEY = "key"  # the device does one job key once
    LINK = "link"  # a new session ends the old one
    NONE = "none"  # nothing: only a person may decide


class Capability(StrEnum):
    """What not every register can do. A setting that needs one which the driver lacks refuses the start."""

    RELAY = "relay"  # hands its messages to us and takes the operator's answers
    NO_QUEUE = "no_queue"  # its documents need no operator of their own: receipts may travel over HTTP
    DOCUMENT_BYTES = "document_bytes"  # whole documents can be read back as the FN keeps them
    TAGS = "tags"  # the tags of a document can be read back, and so the receipt key in it
    MARKING = "marking"  # checks marking codes in the FN (FFD 1.2)
    CASH_COUNTERS = "cash_counters"  # counts cash put in and taken out
    NO_PRINT = "no_print"  # can make a document without printing it


class KktState(StrEnum):
    READY = "ready"
    BUSY = "busy"
    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    FAULT = "fault"
    UNREACHABLE = "unreachable"


class ShiftState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    EXPIRED = "expired"  # open for more than 24 h


@dataclass(frozen=True, slots=True, kw_only=True)
class KktStatus:
    """One look at the device; cheap, no side effects."""

    state: KktState
    blocked: str | None  # FN_FULL, FN_EXPIRED, FN_UNSENT_LIMIT, NOT_REGISTERED, or None
    fn_number: FnNumber
    fd_number: int  # last document
    shift_state: ShiftState
    shift_number: int
    shift_opened_at: datetime | None  # wall clock
    receipts_in_shift: int
    clock: datetime  # the device's wall clock
    unsent_count: int
    first_unsent_number: int | None
    first_unsent_at: datetime | None  # wall clock
    fn_valid_until: date
    documents_left: int
    open_document: bool = False  # begun and not closed: it can still become a document, or be discarded

    @property
    def baseline(self) -> Baseline:
        return Baseline(fn_number=self.fn_number, fd_number=self.fd_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class CashCounts:
    """How often cash was put in and taken out: the proof for a movement whose answer was lost."""

    put_in: int
    taken_out: int
    shift_number: int | None = None  # they count in this shift only; None: since the device began


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeStatus:
    """The FN's own view of its queue (FN command 20h)."""

    fn_number: FnNumber
    unsent_count: int
    first_unsent_number: int | None  # None: nothing waits
    first_unsent_at: datetime | None
    last_fd_number: int


AboutTo = Callable[[], Awaitable[None]]
"""Called once right before the command that makes the document; if it raises, none is given."""


async def untold() -> None:
    """An ``AboutTo`` for whoever keeps no books."""


class KktDriver(Protocol):
    """One register. Every call has a deadline of its own; none retries a command that makes a document.

    Calls are made one at a time by the register's lane, except ``status``, ``exchange_status``,
    ``read_message`` and ``accept_reply``, which may run beside a print (the device serialises them).
    ``term`` is the lane's lease term; a driver whose fence is TERM refuses a lower one than it has seen.

    Raises (all calls):
        KktUnavailable: nothing was sent or nothing was done; safe to try again.
        FnDamaged: likewise, but a person must look at the FN first.
        KktRefused: the device answered with an error; nothing was fiscalised.
        KktBlocked: FN full, expired, 30-day limit, or not registered.
        KktOutcomeUnknown: only from calls that make a document: sent, no answer in time.
    """

    fence: Fence
    tells: bool  # ``fiscalize`` calls ``about_to``: receipts of which it was not called were surely not made
    readback_limit: int  # documents read back at most when the FN is ahead of the database

    @property
    def settle_s(self) -> float:
        """After a lost answer: how long from now something sent can still arrive (0: not at all)."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Before ``open``: what registers of this kind can do at best; after it: what this one can."""
        ...

    @property
    def command_times(self) -> Sequence[CommandTime]:
        """What was sent to the device for the last call that makes a document, whatever came of it."""
        ...

    async def open(self) -> Registration:
        """Connect and read the registration. May be called again after a loss of the link."""
        ...

    async def close(self) -> None: ...

    async def status(self) -> KktStatus: ...

    async def open_shift(self, cashier: Cashier, *, term: int) -> FiscalDocument: ...

    async def close_shift(self, cashier: Cashier, *, term: int) -> ShiftReport:
        """The Z report."""
        ...

    async def x_report(self) -> ShiftTotals:
        """Totals of the present or last shift; makes no document."""
        ...

    async def fiscalize(self, receipt: Receipt, *, term: int, about_to: AboutTo = untold) -> FiscalDocument:
        """Print and sign one receipt or correction; the shift must be open and younger than 24 h.

        Raises also:
            ShiftExpired: the shift is older than 24 h.
        """
        ...

    async def document(self, fd_number: int) -> FiscalDocument | None:
        """Read one document from the FN archive; None when the FN holds no such number."""
        ...

    async def tags(self, fd_number: int) -> Sequence[Element] | None:
        """The elements of a document as the FN keeps them; None: not there, or the device gives none."""
        ...

    async def shift_report(self, fd_number: int) -> ShiftReport | None:
        """The Z report kept as document ``fd_number``, for recovery; None when it is another document."""
        ...

    async def discard(self) -> None:
        """Give up a document that was begun and not closed; never makes one. Nothing open: nothing happens.

        Only for recovery, and only once ``settle_s`` has passed: a closing that is under way counts.
        """
        ...

    async def move_cash(self, amount_kop: int) -> None:
        """Put cash in (positive) or take it out (negative); no fiscal document.

        Raises also:
            KktOutcomeUnknown: sent, no answer; ``cash_counts`` compared with those from before tells.
        """
        ...

    async def cash_counts(self) -> CashCounts: ...

    async def reprint(self) -> None:
        """Print a copy of the last receipt; no fiscal document."""
        ...

    async def exchange_status(self) -> ExchangeStatus: ...

    async def read_message(self) -> OfdMessage | None:
        """The FN's oldest unconfirmed document as a message; the same bytes until it is confirmed."""
        ...

    async def accept_reply(self, reply: bytes) -> None:
        """Hand the operator's answer (session header and container) to the FN.

        Raises also:
            KktRefused: the FN does not take it (0x20); the document stays first in its queue.
        """
        ...
