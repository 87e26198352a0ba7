"""A question that only a person can answer, and the answer: what became of a document."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.model import Baseline, FiscalDocument
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType
from kkt_adapter.kernel.errors import Conflict, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """Why a lane stands still, and what a person needs to decide."""

    attempt_id: int
    receipt_id: str | None  # None: a shift report
    what: AttemptKind
    reason: Text
    baseline: Baseline
    now: Baseline  # where the FN stood when this was asked
    found: tuple[FiscalDocument, ...]

    @property
    def version(self) -> str:
        """Another text as soon as the FN has made one more document, or another attempt is asked about."""
        return f"{self.attempt_id}:{self.now.fn_number}:{self.now.fd_number}"


def changed(question: OpenQuestion) -> Conflict:
    """The person saw another question than this one."""
    return Conflict(
        "documents came in since this question was shown: look at it again, then decide "
        f"(question_version {question.version})",
        "после показа вопроса появились документы: посмотрите его снова и решите "
        f"(question_version {question.version})",
        question_version=question.version,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDecision:
    """A person's word, for the audit trail; written in the transaction of its effect."""

    receipt_id: str | None  # None: a report
    what: AttemptKind
    adopt: int | None
    by: str
    reason: str
    at: datetime
    version: str  # of the question that this answers
    register_id: str | None = None  # of a report; a receipt knows its own

    def write(self, conn: Connection) -> None:
        again = "print_again" if self.what is AttemptKind.PRINT else "do_again"
        facts: dict[str, Any] = {}
        if self.register_id is not None:
            facts = {"register_id": self.register_id, "what": self.what}
        entry = events.entry(
            EventType.PRINT_RESOLVED,
            self.at,
            receipt_id=self.receipt_id,
            level=EventLevel.WARNING,
            action=again if self.adopt is None else "adopt",
            fd_number=self.adopt,
            by=self.by,
            reason=self.reason,
            question_version=self.version,
            **facts,
        )
        events.write(conn, [entry])
