"""Back offices for tests: the strict emulator, targets driven call by call, and a database full of events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select
from tests.support.clock import START
from tests.support.databases.ready_database import migrated

from kkt_adapter.emulators.erp import ErpEmulator
from kkt_adapter.fiscal.heartbeat.payload import Sender, Situation
from kkt_adapter.fiscal.heartbeat.settings import BackOfficeSettings
from kkt_adapter.fiscal.heartbeat.target import Target
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.events import NewEvent
from kkt_adapter.fiscal.store.tables import buffer_events, receipts
from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.ids import random_id, uuid7
from kkt_adapter.runtime.db.open import open_database
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.database import DatabaseLeases
from kkt_adapter.runtime.leases.lease import Term
from kkt_adapter.settings import load_settings

Json = dict[str, Any]

FN = "9999078902013267"
LIFE = ("receipt_added", "receipt_printed", "receipt_synced")  # of a receipt without trouble


@asynccontextmanager
async def back_office(**given: Any) -> AsyncIterator[ErpEmulator]:
    """A running emulator without a control interface."""
    emulator = ErpEmulator(**({"control_port": None} | given))
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()


@asynccontextmanager
async def fresh_database(url: str | Path) -> AsyncIterator[Database]:
    """With every table, and the rows that the service makes at its first start."""
    migrated(url)
    database = open_database(str(url))
    try:
        await database.write(counters.ensure)
        yield database
    finally:
        await database.close()


def office(url: str, **changes: Any) -> BackOfficeSettings:
    """Settings of one back office, as they come out of a file."""
    return BackOfficeSettings(**({"name": "erp", "url": url, "timeout_s": 20.0} | changes))


def loaded(*tables: Json, environment: dict[str, str] | None = None) -> tuple[BackOfficeSettings, ...]:
    """Back offices as the settings loader takes them, with its rules."""
    settings = load_settings(
        environment=environment or {}, file=None, overrides={"back_office": list(tables)} if tables else None
    )
    return settings.back_offices


@dataclass
class Caller:
    """One target with the lease to send; ``call`` makes one call and gives the pause after it."""

    target: Target
    term: Term
    database: Database
    told: list[NewEvent] = field(default_factory=list)

    async def call(self, times: int = 1) -> float:
        pause_s = 0.0
        for _ in range(times):
            pause_s = await self.target.call(self.term)
        return pause_s

    async def drain(self) -> int:
        """Call while calls follow at once; how many there were."""
        n = 1
        while await self.target.call(self.term) == 0.0:
            n += 1
        return n

    @property
    def state(self) -> str:
        return self.target.state.presence.value


@asynccontextmanager
async def caller(
    database: Database, settings: BackOfficeSettings, *, clock: Clock | None = None, owner: str | None = None
) -> AsyncIterator[Caller]:
    """A target that is not run by a service, so that a test decides when it calls; no jitter."""
    used, told = clock or SystemClock(), list[NewEvent]()
    owner = owner or random_id()

    async def situation() -> Situation:
        return Situation(state="online", disk_free_bytes=1, points=[])

    target = Target(
        settings,
        sender=Sender(adapter_id="test", instance_id=owner, version="1", started_at=START),
        situation=situation,
        database=database,
        clock=used,
        tell=told.append,
        jitter=lambda: 1.0,
    )
    leases = DatabaseLeases(database, owner=owner, clock=used)
    try:
        async with leases.lease("heartbeat").term(wait_s=60) as term:
            await target.begin()
            yield Caller(target=target, term=term, database=database, told=told)
    finally:
        await target.close()


def store_receipts(conn: Connection, n: int, *, life: tuple[str, ...] = LIFE, first: int = 1) -> list[str]:
    """``n`` receipts with the events of their life, in turns as tills make them; the receipt ids."""
    ids = [uuid7(1_700_000_000_000 + first + i) for i in range(n)]
    rows = [_receipt_row(first + i, receipt_id) for i, receipt_id in enumerate(ids)]
    conn.execute(insert(receipts), rows)
    events = []
    for start in range(0, n, 7):
        for event_type in life:
            events += [_event_row(event_type, receipt_id) for receipt_id in ids[start : start + 7]]
    conn.execute(insert(buffer_events), events)
    return ids


def event_ids(conn: Connection) -> list[int]:
    """Every event that a back office should have, by the names of their types alone."""
    names = (*LIFE, "print_failed", "print_unknown", "print_recovered", "receipt_retry", "receipt_failed")
    query = select(buffer_events.c.id).where(buffer_events.c.event_type.in_((*names, "dlq_retried")))
    return list(conn.execute(query.order_by(buffer_events.c.id)).scalars())


def _receipt_row(number: int, receipt_id: str) -> Json:
    return {
        "seq": number,
        "id": receipt_id,
        "idempotency_key": f"key-{number}",
        "register_id": "POS-001",
        "pos_id": "POS-001",
        "type": "sale",
        "total_kop": 9_775,
        "payload": "{}",
        "created_at": START,
        "hlc_local_time": 1,
        "hlc_logical_counter": number,
        "queue_position": 1,
        "print_state": "printed",
        "fiscal_doc": fiscal_doc(number),
        "fn_number": FN,
        "fiscal_doc_number": number + 1,
        "printed_at": START,
        "status": "synced",
        "synced_at": START + timedelta(seconds=1),
    }


def _event_row(event_type: str, receipt_id: str, metadata: str | None = None) -> Json:
    return {
        "event_type": event_type,
        "receipt_id": receipt_id,
        "timestamp": START,
        "level": "info",
        "metadata": metadata,
    }


def fiscal_doc(number: int) -> str:
    """As the print lane stores it."""
    qr = f"t=20260302T1200&s=97.75&fn={FN}&i={number + 1}&fp=2718281828&n=1"
    return (
        f'{{"fiscal_doc_number":{number + 1},"fiscal_sign":"2718281828",'
        f'"fiscal_datetime":"2026-03-02T12:00:00","fn_number":"{FN}","kkt_number":"1",'
        f'"rn_kkt":"0000000005008570","inn":"7702203276","ofd_name":"OFD","shift_number":1,'
        f'"receipt_number":{number},"total":97.75,"qr_code_data":"{qr}",'
        f'"fiscalDocumentNumber":{number + 1},"fiscalSign":"2718281828"}}'
    )
