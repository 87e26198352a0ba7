"""What the adapter saw of itself at one moment: the only input of the alert rules.

Plain values, no objects that live on, so an evaluation can be repeated and tested. Ages and durations in
seconds; None means that nobody knows, which raises no alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kkt_adapter.fiscal.control.sessions import Mismatch
from kkt_adapter.fiscal.heartbeat.answer import AnswerClass
from kkt_adapter.fiscal.monitoring.legal_clocks import ClockName, LegalClock
from kkt_adapter.fiscal.monitoring.snapshot import AlteredDocument, OperatorAlarm
from kkt_adapter.fiscal.shifts.device_cash import UnclearCash
from kkt_adapter.fiscal.store.losses import Loss
from kkt_adapter.fiscal.store.runtime_settings import MaintenanceMode
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.hysteresis import Presence


class WorkerState(StrEnum):
    RUNNING = "running"
    OVERDUE = "overdue"  # its planned pass is late by several intervals
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterObservation:
    """A register that this process drives; of others it knows nothing but their rows."""

    register_id: str
    trouble: Text | None = None  # why nothing is printed at the moment
    blocked: str | None = None  # a BlockReason
    undecided: str | None = None  # what waits for a person: a receipt's id, or the name of a report
    unsent: int | None = None  # documents that the FN still keeps for the operator
    clocks: tuple[LegalClock, ...] = ()
    values: Mapping[ClockName, float | None] = field(init=False, repr=False, compare=False)  # of the clocks

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {clock.name: clock.value for clock in self.clocks})

    def value(self, name: ClockName) -> float | None:
        return self.values.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupObservation:
    """A pool of registers. ``cannot_sell``: why none of them would print now; None: one would."""

    group_id: str
    cannot_sell: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointObservation:
    """One operator's address."""

    name: str
    state: BreakerState
    openings_1h: int = 0
    token_refused: bool = False  # the last answer was 401 or 403


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOfficeObservation:
    """One back office (ERP) that gets heartbeats."""

    name: str
    state: Presence
    answer: AnswerClass | None = None  # what its last answer was
    failures: int = 0  # since the start of this process
    waiting: int = 0  # events that it has not acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    at: datetime  # aware UTC
    monotonic: float
    # the buffer
    percent: float = 0.0
    undelivered: int = 0
    pending: int = 0
    dlq_open: int = 0
    oldest_pending_age_s: float | None = None
    grown_30m: int = 0  # undelivered now less undelivered half an hour ago
    retried_share_day: float = 0.0  # failed attempts of all attempts in 24 hours, 0..1
    # the worker
    worker: WorkerState = WorkerState.RUNNING
    pass_running_s: float | None = None  # None: no pass runs
    last_sync_age_s: float = 0.0  # since a receipt was accepted by an operator, or since the start
    # speed: over the last five minutes
    receipt_p95_s: float | None = None
    # peers
    registers: tuple[RegisterObservation, ...] = ()
    groups: tuple[GroupObservation, ...] = ()
    endpoints: tuple[EndpointObservation, ...] = ()
    offices: tuple[BackOfficeObservation, ...] = ()
    redis_lost: bool = False
    # the host
    log_lines_dropped_10m: int = 0
    short_secrets: tuple[str, ...] = ()  # names of settings
    # shops
    callbacks_done: int = 0  # since the start of this process
    callbacks_failed: int = 0
    callbacks_given_up: int = 0
    callbacks_failing_s: float | None = None  # every call has failed for so long
    commands: Mapping[tuple[str, int], int] = field(default_factory=dict)  # KkmServer: by command and Status
    commands_repeated: int = 0
    presses_guarded: int = 0
    answers_held: int = 0  # now
    disk_free_bytes: int | None = None  # None: not watched
    disk_mark_bytes: int = 0  # nothing is accepted below
    mismatches: tuple[Mismatch, ...] = field(default=())
    unclear_cash: tuple[UnclearCash, ...] = ()
    losses: tuple[Loss, ...] = ()
    maintenance: MaintenanceMode | None = None
    alarms: tuple[OperatorAlarm, ...] = field(default=())  # documents the operator found fault with
    altered: tuple[AlteredDocument, ...] = ()  # documents that say something else than was asked for
    clock_doubt: Text | None = None  # why the wall clock is not believed
