"""Legal clocks: what the law or the FN will stop, when, and how far it is (docs/reference/alerts.md).

Pure. One forecast per register: the end of the shift, the oldest document the operator does not have, what
is left of the FN in documents and in days, and how far the clocks of host, register and operator are apart.
"When at the present rate" is a moment for clocks that run by themselves, and an extrapolation for those that
are used up (documents) or creep (drift).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType

DAY_S = 86_400.0
SHIFT_LIMIT_S = DAY_S  # law 54-FZ: a shift lasts at most 24 hours; the FN refuses more (error 0x16)
SHIFT_WARN_S = 23 * 3600.0
UNDELIVERED_LIMIT_S = 30 * DAY_S  # law 54-FZ: 30 days, then the FN blocks itself
UNDELIVERED_ALARM_S = 27 * DAY_S
FN_DAYS_WARN, FN_DAYS_ALARM = 30, 3
FN_DOCUMENTS_ALARM = 100  # fewer than that
DRIFT_LIMIT_S = 5.0  # ours; no figure of the law

HostTime = Callable[[datetime], datetime]  # a moment of the register's wall clock as the host's time


class ClockName(StrEnum):
    SHIFT_END = "shift_end"
    UNDELIVERED = "undelivered"
    FN_DOCUMENTS = "fn_documents"
    FN_EXPIRY = "fn_expiry"
    REGISTER_DRIFT = "register_drift"  # register less host
    OPERATOR_DRIFT = "operator_drift"  # operator less host


class LimitUnit(StrEnum):
    SECONDS = "s"
    DAYS = "d"
    DOCUMENTS = "documents"


UNITS: Mapping[ClockName, LimitUnit] = MappingProxyType(
    {
        ClockName.SHIFT_END: LimitUnit.SECONDS,
        ClockName.UNDELIVERED: LimitUnit.SECONDS,
        ClockName.FN_DOCUMENTS: LimitUnit.DOCUMENTS,
        ClockName.FN_EXPIRY: LimitUnit.DAYS,
        ClockName.REGISTER_DRIFT: LimitUnit.SECONDS,
        ClockName.OPERATOR_DRIFT: LimitUnit.SECONDS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalClock:
    """``value`` against ``limit`` in the unit of its name; None: not known, or it does not run now.

    ``left``: limit less value, or what is left to use up. ``reached_at`` (aware UTC): when the limit is
    reached at the present rate; None when it is not going to be.
    """

    name: ClockName
    value: float | None
    limit: float
    left: float | None = None
    per_day: float | None = None  # the rate behind ``reached_at``, where it was measured
    reached_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """One look at a register. Its wall-clock times are naive, in ``zone``."""

    shift_opened_at: datetime | None  # None: the shift is closed
    first_unsent_at: datetime | None  # None: the operator has everything
    fn_valid_until: date
    documents_left: int
    zone: tzinfo
    drift_s: float | None  # register's clock less the host's at the look


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Measured over the last days; None: not known yet."""

    documents_per_day: float | None = None
    register_drift_per_day_s: float | None = None
    operator_drift_per_day_s: float | None = None


def legal_clocks(
    facts: DeviceFacts, *, now: datetime, rates: Rates, operator_drift_s: float | None
) -> tuple[LegalClock, ...]:
    """Every clock of one register. ``now`` is the host's, aware."""
    ahead = timedelta(seconds=facts.drift_s or 0.0)
    local = now.astimezone(facts.zone).replace(tzinfo=None) + ahead  # what the register's clock shows

    def host_time(wall: datetime) -> datetime:
        return now + (wall - local)

    return (
        _runs_up(ClockName.SHIFT_END, facts.shift_opened_at, local, SHIFT_LIMIT_S, host_time),
        _runs_up(ClockName.UNDELIVERED, facts.first_unsent_at, local, UNDELIVERED_LIMIT_S, host_time),
        _documents(facts.documents_left, rates.documents_per_day, now),
        _expiry(facts.fn_valid_until, local, host_time),
        _drift(ClockName.REGISTER_DRIFT, facts.drift_s, rates.register_drift_per_day_s, now),
        _drift(ClockName.OPERATOR_DRIFT, operator_drift_s, rates.operator_drift_per_day_s, now),
    )


def _runs_up(
    name: ClockName, began: datetime | None, local: datetime, limit_s: float, host_time: HostTime
) -> LegalClock:
    """An age: it grows by itself until the limit."""
    if began is None:
        return LegalClock(name=name, value=None, limit=limit_s)
    age_s = (local - began).total_seconds()
    return LegalClock(
        name=name,
        value=age_s,
        limit=limit_s,
        left=limit_s - age_s,
        reached_at=host_time(began + timedelta(seconds=limit_s)),
    )


def _documents(left: int, per_day: float | None, now: datetime) -> LegalClock:
    reached_at = now + _days(left / per_day) if per_day else None
    return LegalClock(
        name=ClockName.FN_DOCUMENTS, value=left, limit=0, left=left, per_day=per_day, reached_at=reached_at
    )


def _expiry(valid_until: date, local: datetime, host_time: HostTime) -> LegalClock:
    """The FN works through the whole of its last day (inferred from the registration card's wording)."""
    days = (valid_until - local.date()).days
    end = datetime.combine(valid_until, time()) + timedelta(days=1)
    return LegalClock(name=ClockName.FN_EXPIRY, value=days, limit=0, left=days, reached_at=host_time(end))


DRIFT_FORESEEN_DAYS = 90.0  # a creep measured over a day says nothing about next year


def _drift(name: ClockName, apart_s: float | None, per_day_s: float | None, now: datetime) -> LegalClock:
    if apart_s is None:
        return LegalClock(name=name, value=None, limit=DRIFT_LIMIT_S)
    left = DRIFT_LIMIT_S - abs(apart_s)
    reached_at = None
    if left <= 0:
        reached_at = now
    elif per_day_s:
        # The limit on the side it creeps to.
        target = DRIFT_LIMIT_S if per_day_s > 0 else -DRIFT_LIMIT_S
        days = (target - apart_s) / per_day_s
        reached_at = now + _days(days) if days <= DRIFT_FORESEEN_DAYS else None
    return LegalClock(
        name=name, value=apart_s, limit=DRIFT_LIMIT_S, left=left, per_day=per_day_s, reached_at=reached_at
    )


def _days(days: float) -> timedelta:
    return timedelta(days=min(days, 36_500.0))  # a century is never, and datetime goes on for a while
