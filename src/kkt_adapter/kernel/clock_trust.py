"""May the wall clock be believed? Pure. In: what several witnesses say. Out: a decision.

Asked before anything is destroyed or skipped for good because of a time. A witness that has a clock of its
own (a register, the operator, the database server, a person) counts most; then this machine's own steady
clock, which tells how much time has passed since the wall clock was last believed; then what was written down
before the start. Nobody to ask is no reason to believe a large step: it may be silence, and it may be a wrong
year.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kkt_adapter.kernel.errors import Text


class Witness(StrEnum):
    REGISTER = "register"  # the clock of a device
    OPERATOR = "operator"  # in its answer to a document
    SERVER = "server"  # of the database
    PERSON = "person"  # who has confirmed the clock
    STEADY = "steady"  # this machine's monotonic clock, since the wall clock was last believed
    STORED = "stored"  # what was written down before the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The time of now as a witness tells it; aware UTC."""

    witness: Witness
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    between: timedelta = timedelta(minutes=5)  # two clocks that agree are no further apart
    alone: timedelta = timedelta(hours=24)  # a step forward that needs no witness, after a start


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """``believed_at``: when the clock was last believed, by any process. ``written_at``: the newest time in a
    document or a stamp; None: there is none, or a person has seen it and said that it is wrong."""

    believed_at: datetime | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    by: Witness | None  # None: nothing speaks against it


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """``behind``: by what was heard the clock is behind the truth, so rows written now look old at once."""

    reason: Text
    behind: bool


Trust = Believed | Doubted


def judge(
    wall: datetime,
    sightings: Sequence[Sighting],
    *,
    expected: datetime | None,
    stored: Stored,
    bounds: Bounds,
) -> Trust:
    """``expected``: the time by the steady clock, counted from when this process last believed the wall
    clock; None: it has not yet."""
    agree = [s for s in sightings if abs(s.at - wall) <= bounds.between]
    differ = [s for s in sightings if abs(s.at - wall) > bounds.between]
    if any(s.witness is Witness.PERSON for s in agree) or len(agree) > len(differ):
        return Believed(by=agree[0].witness)
    if differ:
        return Doubted(reason=_differs(wall, differ[0]), behind=wall < differ[0].at)
    if expected is not None:
        if abs(wall - expected) > bounds.between:
            return Doubted(reason=_jumped(wall - expected), behind=wall < expected)
        return Believed(by=Witness.STEADY)
    newest = max((at for at in (stored.believed_at, stored.written_at) if at is not None), default=None)
    if newest is not None and wall < newest - bounds.between:
        return Doubted(reason=_behind(wall, newest), behind=True)
    if stored.believed_at is not None and wall > stored.believed_at + bounds.alone:
        return Doubted(reason=_silence(wall - stored.believed_at), behind=False)
    return Believed(by=None if newest is None else Witness.STORED)


_NAMES = {
    Witness.REGISTER: Text("a register", "ККТ"),
    Witness.OPERATOR: Text("the operator", "ОФД"),
    Witness.SERVER: Text("the database server", "сервера базы данных"),
    Witness.PERSON: Text("the person who confirmed the clock", "человека, подтвердившего часы"),
}


def _differs(wall: datetime, told: Sighting) -> Text:
    name = _NAMES[told.witness]
    return Text(
        f"the clock shows {_at(wall)}, that of {name.en} {_at(told.at)}",
        f"часы показывают {_at(wall)}, а часы {name.ru} — {_at(told.at)}",
    )


def _jumped(step: timedelta) -> Text:
    return Text(
        f"the clock was moved by {_span(step)} while the service ran",
        f"часы переведены на {_span(step)} во время работы службы",
    )


def _behind(wall: datetime, newest: datetime) -> Text:
    return Text(
        f"the clock shows {_at(wall)}, but something was written at {_at(newest)} before",
        f"часы показывают {_at(wall)}, но раньше уже есть записи от {_at(newest)}",
    )


def _silence(step: timedelta) -> Text:
    return Text(
        f"the clock is {_span(step)} after the last time that was known to be right, and nobody can tell "
        "whether so much time has passed",
        f"часы на {_span(step)} впереди последнего известного верного времени, и подтвердить это некому",
    )


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _span(step: timedelta) -> str:
    sign = "-" if step < timedelta(0) else "+"
    seconds = int(abs(step).total_seconds())
    if seconds >= 2 * 86_400:
        return f"{sign}{seconds // 86_400} d"
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
