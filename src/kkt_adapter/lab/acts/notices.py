"""Who is told of alerts by webhook. The first message about each beginning and end is refused, so every one
that counts as told has been repeated."""

from collections import Counter
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, select

from kkt_adapter.emulators.listening import HttpListener
from kkt_adapter.fiscal.store.alert_tables import alerts
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
        self._app = web.Application()
        self._app.router.add_post(PATH, self._told)
        self._listener = HttpListener(host="127.0.0.1", port=0)

    async def start(self) -> None:
        await self._listener.listen(self._app)

    async def stop(self) -> None:
        await self._listener.cut()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}{PATH}"

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
            verdict=FindingKind.WRONG,
            subject="adapter",
            text=f"{what} of alert {number} counts as told, and nobody heard it",
        )
        for what, number in sorted(told - heard)
    ]
