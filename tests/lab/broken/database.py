"""Safeguards around the database, taken out."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select
from tests.lab.broken.patching import patch

from kkt_adapter.bootstrap import identity as start_identity
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.housekeeping import daily, retention
from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.recovery import resolve
from kkt_adapter.fiscal.printing.recovery.fn_readback import FnReadback, orphans_of
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.fiscal.store.orphan_documents import UNREAD_LIVE, OrphanDocuments
from kkt_adapter.fiscal.store.tables import documents
from kkt_adapter.kernel.clock_trust import Believed
from kkt_adapter.runtime.db import identity as database_identity


def clock_believed() -> None:
    """Delivered receipts and their keys go as soon as some clock says that they are old enough; looked at all
    the time, and old after two days, so that a short run is enough."""
    limits = retention.Limits.at

    def short(now: Any, **given: Any) -> Any:
        return limits(now, **{**given, "receipts_live": timedelta(days=2)})

    patch(ClockWatch, "trust", lambda self: Believed(by=None))
    patch(ClockWatch, "may_forget", lambda self, age: True)
    patch(daily, "LOOK_EVERY_S", 5.0)
    patch(retention, "KEYS_LIVE", timedelta(days=2))
    patch(retention.Limits, "at", staticmethod(short))


def vanished_is_new() -> None:
    judge = database_identity.judge

    def trusting(found: Any, around: Any) -> Any:
        start = judge(found, around)
        refused = isinstance(start, database_identity.StartRefused)
        return database_identity.IdentityStart.NEW if refused else start

    patch(start_identity, "judge", trusting)


def dated_evidence() -> None:
    """A document without a key counts as nobody's after 31 days by the register's clock."""
    read = FnReadback.read

    def forget_old(conn: Connection, found: OrphanDocuments, status: Any) -> OrphanDocuments:
        c, oldest = documents.c, (status.clock - UNREAD_LIVE).isoformat()
        old = (c.fn_number == status.fn_number) & (c.fiscalized_at < oldest) & c.receipt_key.is_(None)
        for number in conn.execute(select(c.fd_number).where(old)).scalars():
            found.drop(number)
        return found

    async def young(self: FnReadback, lane: LaneTerm) -> OrphanDocuments:
        found, status = await read(self, lane), await self._session.driver.status()
        return await self._db.read(lambda c: forget_old(c, found, status))

    def young_of_register(conn: Connection, register_id: str, status: Any) -> OrphanDocuments:
        return forget_old(conn, orphans_of(conn, register_id, status), status)

    patch(FnReadback, "read", young)
    patch(resolve, "orphans_of", young_of_register)


def siblings_unread() -> None:
    async def stays(self: PrintLane, job: PrintJob) -> bool:
        return False

    patch(PrintLane, "_went_to_sibling", stays)
