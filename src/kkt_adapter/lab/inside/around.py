"""What stands around the seams of a lab node: the real thing, with a point before, inside and after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kkt_adapter.fiscal.ffd.tlv import Element
from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.kkt.driver import (
    AboutTo,
    Capability,
    CashCounts,
    ExchangeStatus,
    KktDriver,
    KktStatus,
    untold,
)
from kkt_adapter.fiscal.kkt.virtual import VirtualRegister
from kkt_adapter.fiscal.model import (
    Cashier,
    FiscalDocument,
    OfdMessage,
    Receipt,
    Registration,
    ShiftReport,
    ShiftTotals,
)
from kkt_adapter.fiscal.ofd.gateway import HttpOfdGateway, HttpReply, OfdGateway, OfdReply
from kkt_adapter.kernel.errors import KktOutcomeUnknown
from kkt_adapter.lab.devices.probing import probe
from kkt_adapter.lab.inside.probes import AFTER, BEFORE, INSIDE, Probes, name_of
from kkt_adapter.lab.ledger import FOREIGN
from kkt_adapter.runtime.db.protocol import Database

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
FN_LIFE_DAYS = 3650  # past every clock of a lab: an FN with a document after its last day never sells again
Apply = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class ProbedDatabase:
    """Implements ``Database``. ``inside`` is on the writing thread: everything is done, nothing is
    committed."""

    def __init__(self, database: Database, probes: Probes) -> None:
        self.dialect = database.dialect
        self._database = database
        self._probes = probes
        self._applies: dict[Apply, Apply] = {}  # one wrapper for each, as batches are made by identity

    async def read(self, fn: Callable[[Connection], T]) -> T:
        return await self._database.read(fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        name, pass_by = name_of(fn), self._probes.pass_by

        def work(connection: Connection) -> T:
            value = fn(connection)
            pass_by(f"{name}:{INSIDE}")
            return value

        pass_by(f"{name}:{BEFORE}")
        value = await self._database.write(work)
        pass_by(f"{name}:{AFTER}")
        return value

    async def write_each(
        self, apply: Callable[[Connection, Sequence[Item]], Sequence[Outcome | Exception]], item: Item
    ) -> Outcome:
        name = name_of(apply)
        if apply not in self._applies:
            self._applies[apply] = self._wrapped(apply, name)
        self._probes.pass_by(f"{name}:{BEFORE}")
        value: Outcome = await self._database.write_each(self._applies[apply], item)
        self._probes.pass_by(f"{name}:{AFTER}")
        return value

    def _wrapped(self, apply: Apply, name: str) -> Apply:
        def work(connection: Connection, items: Sequence[Any]) -> Sequence[Any]:
            outcomes = apply(connection, items)
            self._probes.pass_by(f"{name}:{INSIDE}")
            return outcomes

        return work

    async def close(self) -> None:
        await self._database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """Another program makes ``count`` receipts on our register while our answer is lost; ``printed``: ours
    was made before them."""

    printed: bool
    count: int


class ProbedRegister:
    """Implements ``KktDriver`` over another one. In a virtual register there are points on the FN's thread
    too, around its commit: ``fn.append:before`` has signed nothing, ``fn.append:after`` has signed and told
    nobody; in others, around each exchange with the device (``devices/probing.py``)."""

    def __init__(self, register: KktDriver, probes: Probes) -> None:
        self.register = register
        self.fence = register.fence
        self.tells = register.tells
        self.readback_limit = register.readback_limit
        self._pass_by = probes.pass_by
        if isinstance(register, VirtualRegister):
            register._fn._life_days = FN_LIFE_DAYS
            self._around_memory(register, "append")
            self._around_memory(register, "confirm")
        else:
            probe(register, probes)
        self.foreign: Foreign | None = None  # what comes with the next receipt

    @property
    def settle_s(self) -> float:
        return self.register.settle_s

    def _around_memory(self, register: VirtualRegister, name: str) -> None:
        memory: Any = register._fn._memory  # the only way to stand between an FN and its file
        work = getattr(memory, name)

        def probed(*args: Any, **named: Any) -> None:
            self._pass_by(f"fn.{name}:{BEFORE}")
            work(*args, **named)
            self._pass_by(f"fn.{name}:{AFTER}")

        setattr(memory, name, probed)

    async def open(self) -> Registration:
        self._pass_by(f"register.open:{BEFORE}")
        registration = await self.register.open()
        self._pass_by(f"register.open:{AFTER}")
        return registration

    async def close(self) -> None:
        await self.register.close()
        self._pass_by(f"register.close:{AFTER}")

    async def status(self) -> KktStatus:
        return await self.register.status()

    async def open_shift(self, cashier: Cashier, *, term: int) -> FiscalDocument:
        self._pass_by(f"register.open_shift:{BEFORE}")
        document = await self.register.open_shift(cashier, term=term)
        self._pass_by(f"register.open_shift:{AFTER}")
        return document

    async def close_shift(self, cashier: Cashier, *, term: int) -> ShiftReport:
        self._pass_by(f"register.close_shift:{BEFORE}")
        report = await self.register.close_shift(cashier, term=term)
        self._pass_by(f"register.close_shift:{AFTER}")
        return report

    async def x_report(self) -> ShiftTotals:
        return await self.register.x_report()

    async def fiscalize(self, receipt: Receipt, *, term: int, about_to: AboutTo = untold) -> FiscalDocument:
        self._pass_by(f"register.fiscalize:{BEFORE}")
        others, self.foreign = self.foreign, None
        if others is not None:
            await about_to()
            await self._beside(others, receipt, term=term)
        document = await self.register.fiscalize(receipt, term=term, about_to=about_to)
        self._pass_by(f"register.fiscalize:{AFTER}")
        return document

    async def _beside(self, others: "Foreign", receipt: Receipt, *, term: int) -> None:
        """Another program prints like receipts; our answer is lost. Raises KktOutcomeUnknown."""
        if others.printed:
            await self.register.fiscalize(receipt, term=term)
        for _ in range(others.count):
            lines = tuple(replace(line, name=f"{FOREIGN} of {receipt.id}") for line in receipt.lines)
            theirs = replace(receipt, key=None, additional_attribute=None, user_attribute=None, lines=lines)
            await self.register.fiscalize(theirs, term=term)
        raise KktOutcomeUnknown("the answer was lost in the lab", "ответ потерян в лаборатории")

    async def document(self, fd_number: int) -> FiscalDocument | None:
        document = await self.register.document(fd_number)
        self._pass_by(f"register.document:{AFTER}")
        return document

    async def tags(self, fd_number: int) -> Sequence[Element] | None:
        return await self.register.tags(fd_number)

    async def shift_report(self, fd_number: int) -> ShiftReport | None:
        return await self.register.shift_report(fd_number)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.register.capabilities

    @property
    def command_times(self) -> Sequence[CommandTime]:
        return self.register.command_times

    async def discard(self) -> None:
        await self.register.discard()

    async def move_cash(self, amount_kop: int) -> None:
        await self.register.move_cash(amount_kop)

    async def cash_counts(self) -> CashCounts:
        return await self.register.cash_counts()

    async def reprint(self) -> None:
        await self.register.reprint()

    async def exchange_status(self) -> ExchangeStatus:
        return await self.register.exchange_status()

    async def read_message(self) -> OfdMessage | None:
        return await self.register.read_message()

    async def accept_reply(self, reply: bytes) -> None:
        self._pass_by(f"register.accept_reply:{BEFORE}")
        await self.register.accept_reply(reply)
        self._pass_by(f"register.accept_reply:{AFTER}")


def probed_driver(driver: KktDriver, probes: Probes) -> KktDriver:
    return ProbedRegister(driver, probes)


class ProbedGateway:
    """Implements ``OfdGateway``."""

    def __init__(self, gateway: OfdGateway, probes: Probes) -> None:
        self._gateway = gateway
        self._probes = probes

    async def deliver(self, message: OfdMessage) -> OfdReply:
        self._probes.pass_by(f"operator.deliver:{BEFORE}")
        reply = await self._gateway.deliver(message)
        self._probes.pass_by(f"operator.deliver:{AFTER}")
        return reply

    async def probe(self) -> None:
        await self._gateway.probe()

    async def close(self) -> None:
        await self._gateway.close()


class ProbedHttpOfd:
    """Implements ``HttpOfdGateway``."""

    def __init__(self, gateway: HttpOfdGateway, probes: Probes) -> None:
        self._gateway = gateway
        self._probes = probes

    async def deliver(self, receipt_id: str, body: dict[str, Any]) -> HttpReply:
        self._probes.pass_by(f"operator.post:{BEFORE}")
        reply = await self._gateway.deliver(receipt_id, body)
        self._probes.pass_by(f"operator.post:{AFTER}")
        return reply

    async def probe(self) -> None:
        await self._gateway.probe()

    async def close(self) -> None:
        await self._gateway.close()


class ProbedAnswers:
    """ASGI middleware: the moment before an answer leaves, and the one after."""

    def __init__(self, app: ASGIApp, probes: Probes) -> None:
        self._app = app
        self._probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return

        async def probed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._probes.pass_by(f"answer:{BEFORE}")
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._probes.pass_by(f"answer:{AFTER}")

        await self._app(scope, receive, probed)
