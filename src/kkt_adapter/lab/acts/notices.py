"""Who is told of alerts by webhook. The first message about each beginning and end is refused, so every one
that counts as told has been repeated."""

from collections import Counter
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, select

from kkt_adapter.fiscal.store.alert_tables import alerts
from kkt_adapter.lab.post_listener import PostListener
from kkt_adapter.lab.reconcile import BookFinding, FindingKind

PATH = "/alerts"
STARTED, ENDED = "alert_started", "alert_ended"

Told = tuple[str, int]  # what happened, and the alert's number


class NoticeServer:
    """``heard``: what it has taken; ``codes``: how often it was asked to take a message about this alert."""

    def __init__(self) -> None:
        self.heard: set[Told] = set()
        self.codes: Counter[str] = Counter()
        self._tries: Counter[Told] = Counter()
        self.listener = PostListener(PATH, self._told)

    async def _told(self, request: web.Request) -> web.StreamResponse:
        said: dict[str, Any] = await request.json()
        what = (said["event"], int(said["id"]))
        self.codes[said["code"]] += 1
        self._tries[what] += 1
        if self._tries[what] == 1:
            raise web.HTTPServiceUnavailable
        self.heard.add(what)
        return web.Response()


def read_told(connection: Connection) -> frozenset[Told]:
    """What counts as told in the adapter's own book; for ``Database.read``."""
    c = alerts.c
    rows = connection.execute(select(c.id, c.ended_at, c.settled_at).where(c.told_at.is_not(None))).all()
    ended = {(ENDED, row.id) for row in rows if row.ended_at is not None and row.settled_at is not None}
    return frozenset({(STARTED, row.id) for row in rows} | ended)


def compare_notices(told: frozenset[Told], heard: set[Told]) -> list[BookFinding]:
    return [
        BookFinding(
            kind=FindingKind.WRONG,
            subject="adapter",
            text=f"{what} of alert {number} counts as told, and nobody heard it",
        )
        for what, number in sorted(told - heard)
    ]
