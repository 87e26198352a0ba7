"""Alerts as data: which rules hold, since when, and for long enough.

``AlertBoard`` is the only thing that remembers; deciding is pure (``rules.py``). A condition that holds
is pending, shown as INFO, until it has held for the rule's duration without a break; then it is an alert, and
it ends with the first observation in which the condition is gone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kkt_adapter.fiscal.alerts.rule import Level, Rule
from kkt_adapter.fiscal.alerts.rules import RULES
from kkt_adapter.fiscal.monitoring.observation import Observation
from kkt_adapter.kernel.errors import Text

GRACE_S = (
    120.0  # after a start: until then an alert of before is not called over just because nothing is seen
)

Key = tuple[str, str]  # code, subject
SEVERITY = {Level.P1: 0, Level.P2: 1, Level.P3: 2, Level.INFO: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that is wrong. ``level`` is INFO while it is pending, else that of its rule."""

    rule: Rule
    subject: str
    message: Text
    since: datetime  # when the condition was first seen
    started_at: datetime | None  # when it became an alert; None: pending
    due_at: datetime | None  # when a pending one becomes an alert, if the condition lasts

    @property
    def key(self) -> Key:
        return self.rule.code, self.subject

    @property
    def level(self) -> Level:
        return Level.INFO if self.started_at is None else self.rule.level


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAlert:
    """An alert that was on when the program ended."""

    code: str
    subject: str
    message: Text
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    started: tuple[Alert, ...]
    ended: tuple[Alert, ...]


@dataclass(slots=True)
class _Held:
    """A condition that holds, or (``seen`` False) one of before the start that was not seen again yet."""

    rule: Rule
    subject: str
    message: Text
    since: datetime
    since_monotonic: float
    started_at: datetime | None = None
    seen: bool = True

    def shown(self) -> Alert:
        due_at = None
        if self.started_at is None:
            due_at = self.since + timedelta(seconds=self.rule.for_s)
        return Alert(
            rule=self.rule,
            subject=self.subject,
            message=self.message,
            since=self.since,
            started_at=self.started_at,
            due_at=due_at,
        )


class AlertBoard:
    """Event loop only. Bounded by the rules times the registers, end points and tills there are."""

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._rules = rules
        self._held: dict[Key, _Held] = {}
        self._grace_until: float | None = None

    def adopt(self, known: Iterable[KnownAlert], *, monotonic: float) -> None:
        """Go on with alerts of before the start: no second beginning, and an end only after a while.

        Those of rules that are no more are left out.
        """
        rules = {rule.code: rule for rule in self._rules}
        self._grace_until = monotonic + GRACE_S
        for one in known:
            rule = rules.get(one.code)
            if rule is not None:
                self._held.setdefault(
                    (one.code, one.subject),
                    _Held(
                        rule=rule,
                        subject=one.subject,
                        message=one.message,
                        since=one.started_at,
                        since_monotonic=monotonic,
                        started_at=one.started_at,
                        seen=False,
                    ),
                )

    def update(self, seen: Observation) -> Changes:
        """Take one observation in; what it began and what it ended."""
        started, held_now = [], set()
        for rule in self._rules:
            for finding in rule.find(seen):
                held = self._take(rule, finding.subject, finding.message, seen)
                held_now.add((rule.code, finding.subject))
                if held.started_at is None and seen.monotonic - held.since_monotonic >= rule.for_s:
                    held.started_at = seen.at
                    started.append(held.shown())
        return Changes(started=tuple(started), ended=tuple(self._drop_all_but(held_now, seen)))

    def alerts(self) -> list[Alert]:
        """What people should see, the most severe first, then the oldest."""
        return sorted(_most_severe(self.all()), key=lambda alert: (SEVERITY[alert.level], alert.since))

    def all(self) -> list[Alert]:
        """Every pending condition and every alert, also those that a more severe one hides."""
        return [held.shown() for held in self._held.values()]

    def firing(self) -> dict[Key, Alert]:
        return {key: held.shown() for key, held in self._held.items() if held.started_at is not None}

    def _take(self, rule: Rule, subject: str, message: Text, seen: Observation) -> _Held:
        held = self._held.get((rule.code, subject))
        if held is None:
            held = self._held[rule.code, subject] = _Held(
                rule=rule,
                subject=subject,
                message=message,
                since=seen.at,
                since_monotonic=seen.monotonic,
            )
        held.message, held.seen = message, True
        return held

    def _drop_all_but(self, held_now: set[Key], seen: Observation) -> list[Alert]:
        in_grace = self._grace_until is not None and seen.monotonic < self._grace_until
        gone = [
            key for key, held in self._held.items() if key not in held_now and (held.seen or not in_grace)
        ]
        dropped = [self._held.pop(key) for key in gone]
        return [held.shown() for held in dropped if held.started_at is not None]


def _most_severe(alerts: Iterable[Alert]) -> list[Alert]:
    """Of each family and subject the most severe alert, and the pending ones above it."""
    shown: list[Alert] = []
    settled: set[tuple[str, str]] = set()
    for alert in sorted(alerts, key=lambda alert: SEVERITY[alert.rule.level]):
        about = (alert.rule.family, alert.subject)
        if about not in settled:
            shown.append(alert)
            if alert.started_at is not None:
                settled.add(about)
    return shown
