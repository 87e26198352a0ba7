"""The real product for tests: in this process, beside an operator over real sockets.

``product`` starts database, lanes, virtual registers and delivery exactly as the service does, with short
times. What is true afterwards is read from three books that know nothing of each other: the answers that the
clients got, the archive of each FN (its own file), and the operator's book.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx2
from sqlalchemy import Connection, select
from tests.support.answers import conform
from tests.support.api import BASE_URL, SALE, Json
from tests.support.books import archive, compare_books, receipt_rows
from tests.support.databases.ready_database import spare_migrations
from tests.support.registers.lanes import lanes_told

from kkt_adapter.bootstrap import Services, build_services
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.emulators.ofd import OfdEmulator, OfdFault, OfdFaultMode
from kkt_adapter.fiscal.kkt.virtual import FaultPlan, VirtualFaults, VirtualRegister
from kkt_adapter.fiscal.kkt.virtual.faults import NO_FAULTS
from kkt_adapter.fiscal.model import FiscalDocument
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.ids import PosId, random_id
from kkt_adapter.settings import RegisterSettings, Settings

PRINTED_LATE_S = 20.0
PATIENCE_S = 40.0  # real seconds before a test that waits for the product gives up
TILL = "POS-001"

QUICK: dict[str, Any] = {
    "virtual_fsync": False,
    "disk_low_mb": 0,
    "ofd_timeout_s": 10.0,  # what times out is sent again, and a test counts that
    "sync_interval_s": 0.2,
    "breaker_open_s": 0.3,
    "response_budget_s": 5.0,
    "rate_limit": 0,
}


class ShiftedClock(SystemClock):
    """The machine's clock, moved by a test: ``ahead`` is the wall's alone, ``leap`` takes durations along.

    Leaps stay well below a lease's trust window (18 s), or the lanes let go of their registers.
    """

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._leapt_s = 0.0

    def now(self) -> datetime:
        return super().now() + self.ahead + timedelta(seconds=self._leapt_s)

    def monotonic(self) -> float:
        return super().monotonic() + self._leapt_s

    def leap(self, seconds: float) -> None:
        """Let time pass at once; who sleeps meanwhile sleeps on."""
        self._leapt_s += seconds


@dataclass
class Product:
    """A running product. ``answers`` keeps the last answer of every key that was posted through ``post``."""

    folder: Path
    settings: Settings
    ofd: OfdEmulator
    services: Services
    client: httpx2.AsyncClient
    clock: Clock
    demo: bool
    answers: dict[str, Json] = field(default_factory=dict)
    seams: Seams | None = None  # of the next start

    async def post(self, body: Any = None, *, key: str | None = None, **headers: str) -> httpx2.Response:
        """POST a receipt (the sale of the README unless another body is given) under a key of its own."""
        key = random_id() if key is None else key
        answer = await self.client.post(
            "/v1/kkt/receipt",
            content=json.dumps(SALE if body is None else body),
            headers={"Content-Type": "application/json", "Idempotency-Key": key} | headers,
        )
        if answer.status_code == 200:
            self.answers[key] = answer.json()
        return answer

    async def sell(self, n: int = 1, *, till: str = TILL, kop: int = 10_000) -> list[Json]:
        """``n`` sales one after another; each must be accepted. A sound register has printed them."""
        answers = []
        for _ in range(n):
            sound, key, body = self._sound_lane(till), random_id(), sale(till=till, kop=kop)
            answers.append(_ok(await self.post(body, key=key)))
            if sound is not None and answers[-1]["status"] == "buffered":
                await self._printed_late(answers[-1]["receipt_id"], sound)
                answers[-1] = _ok(await self.post(body, key=key))
        return answers

    def _sound_lane(self, till: str) -> PrintLane | None:
        """The lane of a virtual register that prints at once, if the till has such a one."""
        unit = self.services.registers.find(PosId(till))
        if unit is None or unit.kind != "virtual" or self.settings.virtual_latency_s:
            return None
        lane = unit.lane
        sound = lane.holds() and lane.trouble is None and lane.hold is None
        return lane if sound and self.faults(unit.register_id).plan == NO_FAULTS else None

    async def _printed_late(self, receipt_id: str, lane: PrintLane) -> None:
        """A slow machine answers ``buffered`` although nothing is wrong. What a test breaks next is for the
        receipts after that one."""
        until = time.monotonic() + PRINTED_LATE_S
        while lane.trouble is None and time.monotonic() < until:
            if (await self.receipt(receipt_id))["print_state"] == "printed":
                return
            await asyncio.sleep(0.01)

    async def sell_at_once(self, n: int, *, tills: Sequence[str] = (TILL,), kop: int = 10_000) -> list[Json]:
        posts = [self.post(sale(till=tills[i % len(tills)], kop=kop)) for i in range(n)]
        return [_ok(answer) for answer in await asyncio.gather(*posts)]

    async def get(self, path: str, **query: Any) -> Any:
        return _ok(await self.client.get(path, params=query))

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """Any other request, whatever its answer."""
        return await self.client.request(method, path, json=body, headers=headers)

    async def get_x(self, till: str = TILL) -> Json:
        return cast(Json, _ok(await self.call("POST", "/v1/kkt/x_report", {"pos_id": till})))

    async def close_shift(self, till: str = TILL, **headers: str) -> Json:
        return cast(Json, _ok(await self.call("POST", "/v1/kkt/z_report", {"pos_id": till}, **headers)))

    async def status(self) -> Json:
        return cast(Json, await self.get("/v1/kkt/buffer/status"))

    async def receipt(self, receipt_id: str) -> Json:
        return cast(Json, await self.get(f"/v1/kkt/receipt/{receipt_id}"))

    async def read(self, fn: Callable[[Connection], Any]) -> Any:
        return await self.services.database.read(fn)

    async def until(self, check: Callable[[], Awaitable[Any]], within_s: float = PATIENCE_S) -> Any:
        """Ask again and again until the answer is true; gives the answer."""
        until = time.monotonic() + within_s
        while True:
            found = await check()
            if found:
                return found
            assert time.monotonic() < until, f"not within {within_s} s: {await self._situation()}"
            await asyncio.sleep(0.02)

    async def delivered(self, within_s: float = PATIENCE_S) -> None:
        """Every stored receipt is printed and synced."""

        async def all_synced() -> bool:
            totals = await self.read(counters.read)
            return bool(totals.undelivered == totals.unprinted == totals.failed == totals.print_failed == 0)

        await self.until(all_synced, within_s)

    async def state_of(
        self,
        receipt_id: str,
        *,
        print_state: str | None = None,
        status: str | None = None,
        within_s: float = PATIENCE_S,
    ) -> Json:
        """The receipt, once it is in that state."""

        async def arrived() -> Json | None:
            row = await self.receipt(receipt_id)
            fits = print_state in (None, row["print_state"]) and status in (None, row["status"])
            return row if fits else None

        return cast(Json, await self.until(arrived, within_s))

    async def _situation(self) -> str:
        rows = await self.read(
            lambda c: c.execute(
                select(
                    receipts.c.seq, receipts.c.print_state, receipts.c.status, receipts.c.last_error
                ).where(receipts.c.status != "synced")
            ).fetchmany(5)
        )
        troubles = {u.register_id: repr(u.lane.trouble) for u in self.services.registers.all()}
        return f"{await self.read(counters.read)} {rows} {troubles}"

    def unit(self, register_id: str = TILL) -> Unit:
        return self.services.registers.unit(register_id)

    def lane(self, register_id: str = TILL) -> PrintLane:
        return self.unit(register_id).lane

    def driver(self, register_id: str = TILL) -> VirtualRegister:
        return cast(VirtualRegister, self.lane(register_id).session.driver)

    def faults(self, register_id: str = TILL) -> VirtualFaults:
        return self.driver(register_id).faults

    def break_register(self, **plan: Any) -> None:
        """Set the faults of ``POS-001``; those of others: ``faults(register_id).set(...)``."""
        self.faults().set(FaultPlan(**plan))

    async def break_operator(self, mode: OfdFaultMode | str, **fault: Any) -> None:
        await self.ofd.set_faults(OfdFault(mode=OfdFaultMode(mode), **fault))

    async def repair_operator(self) -> None:
        await self.ofd.set_faults()

    def wake(self, register_id: str = TILL) -> None:
        """Have the lane look what is due, after the clock was moved."""
        self.lane(register_id)._wake.set()

    async def look(self, register_id: str = TILL) -> None:
        """Have an idle lane look at its device now, and wait until it has."""
        session = self.lane(register_id).session
        before, session.looked_at = session.status, float("-inf")

        async def looked() -> bool:
            self.wake(register_id)
            return session.status is not before

        await self.until(looked)

    def archive(self, register_id: str = TILL) -> list[FiscalDocument]:
        return archive(self.settings.fn_dir, register_id)

    async def restart(self, **changes: Any) -> None:
        """Stop in order and start again on the same files; ``changes`` are other settings."""
        await self.client.aclose()
        await self.services.stop()
        self.settings = self.settings.model_copy(update=changes)
        self.services = await _started(self.settings, demo=self.demo, clock=self.clock, seams=self.seams)
        self.client = _client(self.services)

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """Stopped in order inside the block, for work on its files; started again after it."""
        await self.client.aclose()
        await self.services.stop()
        yield
        self.services = await _started(self.settings, demo=self.demo, clock=self.clock)
        self.client = _client(self.services)

    async def start_again(self) -> None:
        """Inside ``stopped``: a start that is expected to fail."""
        services = await _started(self.settings, demo=self.demo, clock=self.clock)
        await services.stop()

    async def restart_after_failure(self, **changes: Any) -> None:
        """Start after a ``restart`` whose settings were refused."""
        self.settings = self.settings.model_copy(update=changes)
        self.services = await _started(self.settings, demo=self.demo, clock=self.clock)
        self.client = _client(self.services)

    async def stop(self) -> None:
        for unit in self.services.registers.all():
            if unit.kind == "virtual":
                self.faults(unit.register_id).clear()
        await self.client.aclose()
        await self.services.stop()

    async def check_books(self, *, in_order: bool = True) -> None:
        """Nothing lost, nothing doubled, and the counters tell the truth. ``in_order`` False: over HTTP a
        rejected receipt comes after its followers."""
        assert await self.read(counters.verify) == {}
        rows = await self.read(receipt_rows)
        registers = sorted({row.register_id for row in rows})
        compare_books(
            rows=rows,
            answers=list(self.answers.values()),
            archives={r: archive(self.settings.fn_dir, r) for r in registers},
            operator=self.ofd.state(),
            http=any(unit.transport == "http" for unit in self.services.registers.all()),
            in_order=in_order,
        )


def sale(*, till: str = TILL, kop: int = 10_000, name: str = "Test", **changes: Any) -> Json:
    amount = f"{kop // 100}.{kop % 100:02d}"
    return {
        "pos_id": till,
        "type": "sale",
        "items": [{"name": name, "price": amount, "qty": 1}],
        "payments": [{"type": "cash", "amount": amount}],
    } | changes


def midday_zone() -> str:
    """A zone where it is about noon now: no test of a day's figures runs over midnight."""
    ahead_h = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead_h:+d}"  # the sign of these names is turned round


def virtual_registers(*ids: str, **changes: Any) -> tuple[RegisterSettings, ...]:
    return tuple(RegisterSettings(id=name, driver="virtual", **changes) for name in ids)


@asynccontextmanager
async def product(
    folder: Path,
    *,
    registers: Sequence[RegisterSettings] | None = None,
    ofd: OfdEmulator | None = None,
    clock: Clock | None = None,
    demo: bool = False,
    seams: Seams | None = None,
    **settings: Any,
) -> AsyncIterator[Product]:
    """The product in this loop with one virtual register (``POS-001``), or those that are given."""
    own = ofd is None
    operator = ofd or OfdEmulator()
    if own:
        await operator.start()
    try:
        given = Settings(
            data_dir=folder / "data",
            registers=tuple(virtual_registers(TILL) if registers is None and not demo else registers or ()),
            ofd_host="127.0.0.1",
            ofd_port=operator.port,
            ofd_base_url=f"http://127.0.0.1:{operator.http_port}",
            **(QUICK | settings),
        )
        used = clock or SystemClock()
        spare_migrations(given)
        services = await _started(given, demo=demo, clock=used, seams=seams)
        running = Product(
            folder=folder,
            settings=given,
            ofd=operator,
            services=services,
            client=_client(services),
            clock=used,
            demo=demo,
        )
        try:
            yield running
        finally:
            await running.stop()
    finally:
        if own:
            await operator.stop()


async def _started(settings: Settings, *, demo: bool, clock: Clock, seams: Seams | None = None) -> Services:
    services = await build_services(settings, demo=demo, clock=clock, seams=seams or Seams())
    try:
        await services.start()
    except BaseException:
        await services.stop()
        raise
    await lanes_told(services, within_s=PATIENCE_S)
    return services


def _client(services: Services) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=services.app),
        base_url=BASE_URL,
        timeout=PATIENCE_S,
        event_hooks=conform.hooks(),
    )


def _ok(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
    return answer.json()
