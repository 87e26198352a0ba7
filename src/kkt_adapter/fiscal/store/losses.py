"""Documents of an FN that no receipt of ours accounts for: rows of ``config`` that alerts show.

Evidence that receipts were lost stays until a person says that it was dealt with
(``kkt-adapter db confirm-loss``); what others printed on our register is shown for a day.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.fiscal.store.runtime_settings import drop_setting, store_setting
from kkt_adapter.fiscal.store.tables import buffer_events, config

OTHERS_SHOWN = timedelta(days=1)
_BEGIN, _END = "loss:", "loss;"  # every name between them


class LossKind(StrEnum):
    WENT_BACK = "database_went_back"  # the database is an earlier state of itself
    LOST = "receipts_lost"  # documents of ours (by key, or by when they were printed), and no receipts
    OTHERS = "printed_by_others"  # documents of another program, as far as we know

    @property
    def event(self) -> EventType:
        return EventType(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """``first`` and ``last``: numbers of documents, or the database's counts of changes now and before."""

    kind: LossKind
    first: int
    last: int
    count: int = 0  # documents
    fn_number: str = ""
    register_id: str = ""

    @property
    def name(self) -> str:
        return f"{_BEGIN}{self.kind}:{self.fn_number}"


def note_loss(conn: Connection, loss: Loss, *, at: datetime) -> None:
    """Remember for the alert, and write the event; joins the caller's transaction. More of the same kind
    about the same FN is added to what is remembered."""
    before = next((known for known in open_losses(conn, now=at) if known.name == loss.name), None)
    kept = loss
    if before is not None and loss.fn_number:
        kept = replace(
            loss,
            first=min(loss.first, before.first),
            last=max(loss.last, before.last),
            count=loss.count + before.count,
        )
    store_setting(conn, loss.name, json.dumps(asdict(kept)), at=at, by=None)
    level = EventLevel.WARNING if loss.kind is LossKind.OTHERS else EventLevel.ERROR
    events.write(conn, [events.entry(loss.kind.event, at, level=level, **_facts(loss))])


def open_losses(conn: Connection, *, now: datetime) -> tuple[Loss, ...]:
    """What alerts show at ``now``."""
    rows = conn.execute(_OPEN).all()
    found = [(Loss(**(raw := json.loads(row.value)) | {"kind": LossKind(raw["kind"])}), row) for row in rows]
    return tuple(
        loss
        for loss, row in found
        if loss.kind is not LossKind.OTHERS or abs(now - row.changed_at) <= OTHERS_SHOWN
    )


def confirm_losses(conn: Connection, *, at: datetime, by: str, reason: str) -> tuple[Loss, ...]:
    """A person has dealt with all of them; says which they were."""
    found = open_losses(conn, now=at)
    for loss in found:
        drop_setting(conn, loss.name)
        facts: dict[str, Any] = {"by": by, "reason": reason, "kind": loss.kind.value, **_facts(loss)}
        events.write(conn, [events.entry(EventType.LOSS_CONFIRMED, at, level=EventLevel.WARNING, **facts)])
    return found


def replaced_at(conn: Connection) -> datetime | None:
    """When this database last took the place of a newer state of itself, as far as its events go back."""
    found: datetime | None = conn.execute(_REPLACED).scalar_one()
    return found


def _facts(loss: Loss) -> events.EventFacts:
    facts = asdict(loss)
    del facts["kind"]
    return {name: value for name, value in facts.items() if value != ""}


_OPEN = (
    select(config.c.value, config.c.changed_at)
    .where(config.c.name >= _BEGIN, config.c.name < _END)
    .order_by(config.c.name)
)
_REPLACED = select(func.max(buffer_events.c.timestamp)).where(
    buffer_events.c.event_type.in_((EventType.DATABASE_RESTORED.value, EventType.DATABASE_WENT_BACK.value))
)
