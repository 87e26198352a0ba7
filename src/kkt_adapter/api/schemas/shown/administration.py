"""Answers about what an administrator changes, and about the clock."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kkt_adapter.api.schemas.answers import buffer as known
from kkt_adapter.api.schemas.clock import ClockReport, ClockWitness, WitnessName
from kkt_adapter.fiscal.control import clock_watch
from kkt_adapter.fiscal.control.maintenance import CapacityChange, MaintenanceState
from kkt_adapter.kernel.clock_trust import Sighting, Witness
from kkt_adapter.kernel.timefmt import iso, iso_of

WITNESSES: Final[Mapping[Witness, WitnessName]] = MappingProxyType(
    {
        Witness.REGISTER: "register",
        Witness.OPERATOR: "operator",
        Witness.SERVER: "server",
        Witness.PERSON: "person",
    }
)
"""Those that tell a time; the others only bear one out."""


def capacity_answer(change: CapacityChange) -> known.CapacityChange:
    return {
        "capacity": change.after.capacity,
        "configured_capacity": change.after.configured,
        "previous_capacity": change.before.capacity,
        "current_queued": change.after.totals.undelivered,
        "percent_full": change.after.percent,
    }


def maintenance_answer(state: MaintenanceState | None) -> known.MaintenanceState:
    mode = None if state is None else state.mode
    return {
        "maintenance": mode is not None,
        "reason": None if mode is None else mode.reason,
        "since": None if mode is None else iso(mode.since),
        "by": None if mode is None else mode.by,
        "estimated_end_at": None if mode is None else iso(mode.until),
        "overdue": state is not None and state.is_overdue,
    }


def begun_answer(reason: str, minutes: int | None) -> known.MaintenanceBegun:
    return {"maintenance": True, "reason": reason, "estimated_duration_minutes": minutes}


def ended_answer() -> known.MaintenanceEnded:
    return {"maintenance": False}


def clock_answer(report: clock_watch.ClockReport) -> ClockReport:
    doubt, state = report.doubt, report.state
    return {
        "believed": doubt is None,
        "reason": None if doubt is None else doubt.en,
        "reason_ru": None if doubt is None else doubt.ru,
        "now": iso_of(report.now),
        "believed_at": iso(state.believed_at),
        "right_since": iso(state.right_since),
        "confirmed_at": iso(state.confirmed_at),
        "witnesses": [_witness(one, report) for one in report.witnesses],
    }


def _witness(told: Sighting, report: clock_watch.ClockReport) -> ClockWitness:
    return {
        "witness": WITNESSES[told.witness],
        "apart_s": round((told.at - report.now).total_seconds(), 1),
    }
