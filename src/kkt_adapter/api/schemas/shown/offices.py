"""Answers for back offices that fetch events."""

from typing import Any

from kkt_adapter.fiscal.heartbeat.export import ExportedPage
from kkt_adapter.fiscal.heartbeat.payload import event_json

Json = dict[str, Any]


def exported_answer(page: ExportedPage) -> Json:
    """``answers.offices.ExportedEvents``: each event in the form in which a call of the heartbeat has it."""
    return {
        "events": [event_json(event) for event in page.events],
        "next_after": page.next_after,
        "has_more": page.has_more,
    }
