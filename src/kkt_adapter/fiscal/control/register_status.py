"""What a register and its device say of themselves, for people."""

from dataclasses import dataclass
from datetime import datetime

from kkt_adapter.fiscal.kkt.driver import KktStatus
from kkt_adapter.fiscal.lifecycle import AttemptKind
from kkt_adapter.fiscal.model import Registration
from kkt_adapter.fiscal.printing.device_times import DeviceTimesShown
from kkt_adapter.fiscal.printing.recovery.open_question import OpenQuestion
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.store.holds import RegisterHold
from kkt_adapter.kernel.discretion import discreet
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.ids import GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterTrouble:
    """Why nothing is printed; ``message`` is without addresses and paths."""

    code: str
    message: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterStatus:
    """One register as of now. ``registration`` and ``device`` are None while it was never reached.
    ``told_at`` says when the device said ``device``, aware UTC."""

    register_id: str
    transport: str  # relay, device or http
    hold: RegisterHold | None
    groups: tuple[GroupId, ...]
    registration: Registration | None
    trouble: RegisterTrouble | None
    question: OpenQuestion | None
    device: KktStatus | None
    told_at: datetime | None
    times: DeviceTimesShown | None  # of its newest receipts; None: none since the start


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDecision:
    """What a person decided about a shift opening or a Z report whose outcome was unknown."""

    register_id: str
    what: AttemptKind
    adopted: int | None  # number of the document; None: it is made again
    reason: str
    by: str


def register_status(
    unit: Unit, *, times: DeviceTimesShown | None, groups: tuple[GroupId, ...] = ()
) -> RegisterStatus:
    lane = unit.lane
    trouble: RegisterTrouble | None = None
    if lane.trouble is not None:
        code, detail = lane.trouble.code, discreet(lane.trouble, lane.trouble.detail)
        trouble = RegisterTrouble(code=code, message=detail)
    return RegisterStatus(
        register_id=unit.register_id,
        transport=unit.transport,
        hold=lane.hold,
        groups=groups,
        registration=unit.registration,
        trouble=trouble,
        question=lane.recovery.question,
        device=lane.session.status,
        told_at=lane.session.status_at,
        times=times,
    )
