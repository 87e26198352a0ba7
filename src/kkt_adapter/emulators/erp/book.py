"""The event book: what this back office has stored, and every sign that something was lost or doubled."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kkt_adapter.emulators.erp.payload import Event, FiscalDoc, HeartbeatPayload

MAX_KEPT = 200_000  # events; then the book is full and says so


class BookFull(Exception):
    pass


@dataclass(slots=True)
class _Receipt:
    last_event_id: int = 0
    fiscal_doc: FiscalDoc | None = None
    state: str = "pending"


class ErpBook:
    """Idempotent per ``event_id``. ``stored`` is in the order of arrival."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.stored: dict[int, Event] = {}
        self.receipts: dict[str, _Receipt] = {}
        self.last: dict[str, HeartbeatPayload] = {}  # by adapter_id
        self.last_event_id = 0
        self.calls = 0
        self.repeated = 0  # events that were here already, and the same
        self.conflicts = 0  # events that were here already, and different
        self.order_faults = 0  # new events older than one that was here of the same receipt, or of all
        self.document_faults = 0  # a receipt whose fiscal attributes changed
        self.identity_faults = 0  # seq went back, or two instances take turns: two adapters, one identity
        self.most_events = 0  # in one call
        self.answers: Counter[str] = Counter()
        self._instances: dict[str, list[str]] = {}

    def take(self, heartbeat: HeartbeatPayload) -> int:
        """Store a heartbeat; the highest event id that is here now.

        Raises:
            BookFull: nothing of it was stored.
        """
        new = [event for event in heartbeat.events if event.event_id not in self.stored]
        if len(self.stored) + len(new) > MAX_KEPT:
            raise BookFull
        self.calls += 1
        self.most_events = max(self.most_events, len(heartbeat.events))
        self._identify(heartbeat)
        self.last[heartbeat.adapter_id] = heartbeat
        for event in heartbeat.events:
            known = self.stored.get(event.event_id)
            if known is None:
                self._store(event)
            elif known == event:
                self.repeated += 1
            else:
                self.conflicts += 1
        return self.last_event_id

    def events(self, *, receipt_id: str | None, after: int, limit: int) -> list[Event]:
        """Oldest first."""
        found: Iterable[Event] = (self.stored[i] for i in sorted(self.stored) if i > after)
        if receipt_id is not None:
            found = (event for event in found if event.receipt_id == receipt_id)
        return [event for event, _ in zip(found, range(limit), strict=False)]

    def state(self) -> dict[str, Any]:
        states = Counter(receipt.state for receipt in self.receipts.values())
        return {
            "calls": self.calls,
            "events": len(self.stored),
            "last_event_id": self.last_event_id,
            "receipts": len(self.receipts),
            "by_state": dict(sorted(states.items())),
            "with_fiscal_doc": sum(r.fiscal_doc is not None for r in self.receipts.values()),
            "repeated": self.repeated,
            "conflicts": self.conflicts,
            "order_faults": self.order_faults,
            "document_faults": self.document_faults,
            "identity_faults": self.identity_faults,
            "most_events": self.most_events,
            "adapters": {name: beat.adapter.state for name, beat in sorted(self.last.items())},
            "answers": dict(sorted(self.answers.items())),
        }

    def _store(self, event: Event) -> None:
        receipt = self.receipts.setdefault(event.receipt_id, _Receipt())
        if event.event_id < max(receipt.last_event_id, self.last_event_id):
            self.order_faults += 1
        if event.fiscal_doc is not None:
            if receipt.fiscal_doc not in (None, event.fiscal_doc):
                self.document_faults += 1
            receipt.fiscal_doc = event.fiscal_doc
        elif receipt.fiscal_doc is not None:
            self.document_faults += 1
        receipt.last_event_id, receipt.state = event.event_id, event.state
        self.stored[event.event_id] = event
        self.last_event_id = max(self.last_event_id, event.event_id)

    def _identify(self, heartbeat: HeartbeatPayload) -> None:
        before = self.last.get(heartbeat.adapter_id)
        seen = self._instances.setdefault(heartbeat.adapter_id, [])
        if before is not None and before.instance_id == heartbeat.instance_id:
            if heartbeat.seq <= before.seq:
                self.identity_faults += 1
            return
        if heartbeat.instance_id in seen:  # an instance that was followed by another one is back
            self.identity_faults += 1
            return
        seen.append(heartbeat.instance_id)
        del seen[:-100]
