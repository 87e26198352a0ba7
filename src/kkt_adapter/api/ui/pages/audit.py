"""What happened and who did it: the events, newest first, with filters in the address.

A page goes on from the last event of the one before: the oldest page costs what the newest does.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from starlette.responses import Response

from kkt_adapter.api.access import NEEDS, Action
from kkt_adapter.api.negotiation import Language
from kkt_adapter.api.ui.routing import page
from kkt_adapter.api.ui.texts import word
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.errors import InvalidInput

SHOWN = 100  # events on a page
MARKS = {EventLevel.INFO: "off", EventLevel.WARNING: "warn", EventLevel.ERROR: "bad"}


async def audit(visit: Visit) -> Response:
    level, event, since = (visit.query.get(name, "") for name in ("level", "type", "since"))
    after = _after(visit.query.get("after", ""))
    found = await visit.services.summary.events(
        after=after,
        limit=SHOWN,
        level=level if level in set(EventLevel) else None,
        event_type=event if event in set(EventType) else None,
        since=_day(since, visit.zone),
    )
    return visit.page(
        "audit.html",
        found=found,
        is_newest=after is None,
        level=level,
        event=event,
        since=since,
        levels=list(EventLevel),
        events=sorted(EventType),
        facts=lambda one: shown_facts(one.facts, english=visit.english),
        marks={level.value: mark for level, mark in MARKS.items()},
        yesterday=(visit.now - timedelta(days=1)).date().isoformat(),
    )


def shown_facts(facts: Mapping[str, Any], *, english: bool) -> Mapping[str, Any]:
    """What is in an event beside who did it; texts that are kept in both languages in the visitor's.

    Such are lists of texts, and a fact beside which stands one of the same name and ``_ru``. The names are
    in the visitor's words."""
    kept = {name: value for name, value in facts.items() if name != "by" and value not in (None, "", [], {})}
    for name in [name for name in kept if name.endswith("_ru") and name[:-3] in kept]:
        russian = kept.pop(name)
        kept[name[:-3]] = kept[name[:-3]] if english else russian
    language: Language = "en" if english else "ru"
    return {
        word(f"fact.{name}", language) or name: _in_words(value, language) for name, value in kept.items()
    }


def _in_words(value: Any, language: str) -> Any:
    found = _decoded(value) if isinstance(value, str) and value.startswith("[{") else value
    if isinstance(found, list) and all(isinstance(one, Mapping) and language in one for one in found):
        return "; ".join(str(one[language]) for one in found)
    return value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _after(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= 18 else None


def _day(said: str, zone: tzinfo) -> datetime | None:
    """The beginning of a day there."""
    if not said:
        return None
    try:
        return datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput("since: a day, as 2026-03-14.", "since: дата вида 2026-03-14.") from None


ROUTES = (page("/audit", audit, need=NEEDS[Action.EVENTS].role, nav="audit", shared=("events",)),)
