"""Safeguards of delivery, taken out."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update
from tests.lab.broken.patching import patch

from kkt_adapter.fiscal.alerts.channels import Webhook
from kkt_adapter.fiscal.alerts.notifier import NotSent
from kkt_adapter.fiscal.alerts.rows import Notice
from kkt_adapter.fiscal.delivery import claims
from kkt_adapter.fiscal.delivery.claims import Claim
from kkt_adapter.fiscal.delivery.lanes.ledger import HELD_S, DeliveryLedger
from kkt_adapter.fiscal.delivery.lanes.relay import RelayLane
from kkt_adapter.fiscal.delivery.results import Failed, Synced
from kkt_adapter.fiscal.intake import refusals
from kkt_adapter.fiscal.lifecycle import Status
from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.ofd.gateway import HttpReply
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.errors import OfdUnavailable, Text


def sent_is_delivered() -> None:
    deliver = HttpOfd.deliver

    async def hopeful(self: HttpOfd, receipt_id: str, body: dict[str, Any]) -> HttpReply:
        try:
            return await deliver(self, receipt_id, body)
        except OfdUnavailable:
            return HttpReply(ofd_id=None, timestamp=None)

    patch(HttpOfd, "deliver", hopeful)


def operator_told_otherwise() -> None:
    deliver = HttpOfd.deliver

    async def another(self: HttpOfd, receipt_id: str, body: dict[str, Any]) -> HttpReply:
        items = [{**item, "name": "something else"} for item in body["items"]]
        return await deliver(self, receipt_id, {**body, "items": items})

    patch(HttpOfd, "deliver", another)


def alarm_untold() -> None:

    async def untold(self: RelayLane, message: OfdMessage, claim: Claim | None, code: int) -> None:
        pass

    patch(RelayLane, "_tell_alarm", untold)


def resolved_for_nothing() -> None:
    """A refund goes by the delivery status alone."""
    patch(refusals, "refund_state", lambda conn, receipt_id, status: status)


def alarm_after_fn() -> None:
    """What the operator objects to is told some time after the FN has its answer."""
    tell, telling = RelayLane._tell_alarm, set[asyncio.Task[None]]()

    async def later(self: RelayLane, message: OfdMessage, claim: Claim | None, code: int) -> None:
        async def wait_and_tell() -> None:
            await self._clock.sleep(HELD_S)
            await tell(self, message, claim, code)

        task = asyncio.create_task(wait_and_tell())
        telling.add(task)
        task.add_done_callback(telling.discard)

    patch(RelayLane, "_tell_alarm", later)


def block_called_delivered() -> None:
    """When one document of a block fails, all that are claimed with it count as delivered."""
    write = DeliveryLedger.write

    async def hopeful(self: DeliveryLedger, failed: Failed | None = None) -> None:
        if failed is not None:
            self._done += [Synced(claim=claim, at=failed.at) for claim in self._claims.values()]
            self._claims = {}
        await write(self)

    patch(DeliveryLedger, "write", hopeful)


def dead_claims_delivered() -> None:
    """What a process that ended was sending counts as delivered."""

    def trusting(conn: Connection, *, owners: Sequence[str], before: datetime) -> int:
        counters.lock(conn)
        theirs = receipts.c.owner.in_(list(owners))
        sending = receipts.c.status == Status.SYNCING.value
        done = update(receipts).where(sending, theirs).values(status=Status.SYNCED.value, owner=None)
        freed = conn.execute(done).rowcount
        counters.bump(conn, syncing=-freed, synced=freed)
        return freed

    patch(claims, "release_claims", trusting)


def refused_is_told() -> None:
    send = Webhook.send

    async def hopeful(self: Webhook, notice: Notice, *, action: Text | None) -> None:
        with suppress(NotSent):
            await send(self, notice, action=action)

    patch(Webhook, "send", hopeful)
