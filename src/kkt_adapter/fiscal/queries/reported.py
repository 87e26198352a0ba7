"""When back offices said that they have an event: from the calls that moved their cursors."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from kkt_adapter.fiscal.store.tables import back_office_acks


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """``office`` acknowledged the event at ``at``."""

    office: str
    at: datetime


def reported(conn: Connection, event_id: int) -> list[Reported]:
    """By whom, the earliest first. One whose time was not written down is left out."""
    first = (
        select(back_office_acks.c.name, func.min(back_office_acks.c.event_id).label("event_id"))
        .where(back_office_acks.c.event_id >= event_id)
        .group_by(back_office_acks.c.name)
        .subquery()
    )
    same = (back_office_acks.c.name == first.c.name) & (back_office_acks.c.event_id == first.c.event_id)
    rows = conn.execute(
        select(back_office_acks.c.name, back_office_acks.c.at)
        .join(first, same)
        .where(back_office_acks.c.at.is_not(None))
        .order_by(back_office_acks.c.at, back_office_acks.c.name)
    )
    return [Reported(office=row.name, at=row.at) for row in rows]
