"""Answers about registers."""

from collections.abc import Sequence

from kkt_adapter.api.schemas.answers import registers as known
from kkt_adapter.api.schemas.units import money
from kkt_adapter.fiscal.control.register_status import RegisterStatus, ReportDecision
from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.printing.device_times import DeviceTimesShown, Spread
from kkt_adapter.fiscal.printing.recovery.open_question import OpenQuestion
from kkt_adapter.fiscal.store.holds import HoldMode, RegisterHold
from kkt_adapter.kernel.timefmt import iso, iso_of

MOST_CANDIDATES = 20  # documents of an open question that are shown


def status_answer(registers: Sequence[RegisterStatus]) -> known.RegistersShown:
    return {"registers": [register_answer(one) for one in registers]}


def hold_answer(hold: RegisterHold | None) -> known.HoldShown | None:
    if hold is None:
        return None
    return known.HoldShown(
        mode="hold" if hold.mode is HoldMode.HOLD else "drain",
        reason=hold.reason,
        since=iso_of(hold.since),
        by=hold.by,
    )


def held_answer(register_id: str, hold: RegisterHold | None, *, moved: int = 0) -> known.RegisterHeld:
    return {"register_id": register_id, "hold": hold_answer(hold), "moved": moved}


def register_answer(status: RegisterStatus) -> known.RegisterShown:
    facts, trouble = status.registration, status.trouble
    return {
        "register_id": status.register_id,
        "transport": status.transport,
        "fiscal_device": None if facts is None else facts.fiscal_device,
        "serial_number": None if facts is None else facts.serial_number,
        "registration_number": None if facts is None else facts.registration_number,
        "ffd_version": None if facts is None else facts.ffd_version.name[1:].replace("_", "."),
        "hold": hold_answer(status.hold),
        "groups": list(status.groups),
        "trouble": None
        if trouble is None
        else {"code": trouble.code, "message": trouble.message.ru, "message_en": trouble.message.en},
        "question": None if status.question is None else _question(status.question),
        "device": None if status.device is None else _device(status.device, status),
        "device_times": None if status.times is None else device_times_answer(status.times),
    }


def device_times_answer(times: DeviceTimesShown) -> known.DeviceTimes:
    return {
        "receipt": _spread(times.receipt),
        "commands": [{"command": name, **_spread(spread)} for name, spread in times.commands],
    }


def decision_answer(decision: ReportDecision) -> known.ReportDecision:
    return {
        "register_id": decision.register_id,
        "what": decision.what.value,
        "action": "do_again" if decision.adopted is None else "adopt",
        "fiscal_doc_number": decision.adopted,
        "reason": decision.reason,
        "resolved_by": decision.by,
    }


def _spread(spread: Spread) -> known.Spread:
    return {
        "count": spread.count,
        "p50_ms": spread.p50_ms,
        "p95_ms": spread.p95_ms,
        "p99_ms": spread.p99_ms,
        "max_ms": spread.max_ms,
    }


def _question(question: OpenQuestion) -> known.OpenQuestion:
    return {
        "receipt_id": question.receipt_id,
        "what": question.what.value,
        "version": question.version,
        "reason": question.reason.ru,
        "reason_en": question.reason.en,
        "baseline": {
            "fn_number": question.baseline.fn_number,
            "fd_number": question.baseline.fd_number,
        },
        "documents": [
            {
                "fd_number": one.fd_number,
                "code": int(one.code),
                "total": None if one.total_kop is None else money(one.total_kop),
                "fiscalized_at": one.fiscalized_at.isoformat(),
                "receipt_key": one.key,
            }
            for one in question.found[:MOST_CANDIDATES]
        ],
    }


def _device(device: KktStatus, status: RegisterStatus) -> known.DeviceShown:
    opened, unsent = device.shift_opened_at, device.first_unsent_at
    return {
        "state": device.state.value,
        "blocked": device.blocked,
        "fn_number": device.fn_number,
        "last_document": device.fd_number,
        "shift": {
            "number": device.shift_number,
            "state": device.shift_state.value,
            "opened_at": None if opened is None else opened.isoformat(),
            "receipts": device.receipts_in_shift,
        },
        "unsent_documents": device.unsent_count,
        "first_unsent_number": device.first_unsent_number,
        "first_unsent_at": None if unsent is None else unsent.isoformat(),
        "fn_valid_until": device.fn_valid_until.isoformat(),
        "fn_days_left": (device.fn_valid_until - device.clock.date()).days,
        "documents_left": device.documents_left,
        "clock": device.clock.isoformat(),
        "told_at": iso(status.told_at),
    }
