"""Answers about registers: reports, shifts, the device, and the sessions of tills."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.units import (
    Count,
    Day,
    English,
    FiscalSign,
    FnNumber,
    Moment,
    Number,
    RegisterId,
    Rubles,
    Russian,
    TillId,
    WallTime,
)


class ShiftReport(TypedDict):
    """X (``reportType`` 1, no document) or Z (2). cashTotal + cardTotal + otherTotal = totalSales -
    totalRefunds. The last five members but ``offline`` are of the open sessions of the register's tills."""

    fiscalDocumentNumber: Number | None
    fiscalSign: FiscalSign | None
    dateTime: WallTime
    reportType: Literal[1, 2]
    shiftNumber: Number
    cashTotal: Rubles
    cardTotal: Rubles
    otherTotal: Rubles
    totalSales: Rubles
    totalRefunds: Rubles
    receiptCount: Count
    openSessions: Count
    openingCash: Rubles
    cashIn: Rubles
    cashOut: Rubles
    cashInTill: Rubles
    offline: NotRequired[Annotated[bool, Field(description="The operator could not be reached.")]]


class ShiftOpening(TypedDict):
    fiscalDocumentNumber: Number
    fiscalSign: FiscalSign
    dateTime: WallTime
    shiftNumber: Number
    offline: Annotated[bool, Field(description="The operator could not be reached.")]


class ReportDecision(TypedDict):
    """What a person decided about a shift opening or a Z report whose outcome was unknown."""

    register_id: RegisterId
    what: Annotated[str, Field(description="open_shift or close_shift.")]
    action: Literal["adopt", "do_again"]
    fiscal_doc_number: Number | None
    reason: str
    resolved_by: str


class CashDecision(TypedDict):
    """What a person decided about a cash movement of which the register's counters do not tell."""

    movement: int
    action: Literal["done", "send_again"]
    reason: str


class CashAtRegister(TypedDict):
    """Cash on its way to the register, or (``unclear``) nobody knows whether the register has done it."""

    movement: Number
    pos_id: TillId
    register_id: RegisterId
    type: Literal["cash_in", "cash_out"]
    amount: Rubles
    reason: str
    created_at: Moment
    state: Literal["waiting", "sent", "unclear"]
    message: Russian | None


class CashAtRegisters(TypedDict):
    movements: list[CashAtRegister]


class Trouble(TypedDict):
    """Why nothing is printed."""

    code: str
    message: Russian
    message_en: English


class Baseline(TypedDict):
    """The FN as it was before the attempt."""

    fn_number: FnNumber
    fd_number: Annotated[int, Field(ge=0, description="Number of the last document; 0: none.")]


class CandidateDocument(TypedDict):
    """A document of the FN that could be the one in question."""

    fd_number: Number
    code: Annotated[int, Field(description="Form code of the document (FFD).")]
    total: Rubles | None
    fiscalized_at: WallTime
    receipt_key: Annotated[str | None, Field(description="Key that the adapter put into the document.")]


class OpenQuestion(TypedDict):
    """A document of which nobody knows whether it was made; a person must decide."""

    receipt_id: str | None
    what: str
    version: Annotated[str, Field(description="For question_version of the decision: what was looked at.")]
    reason: Russian
    reason_en: English
    baseline: Baseline
    documents: Annotated[list[CandidateDocument], Field(description="At most 20.")]


class ShiftShown(TypedDict):
    number: Number
    state: Literal["closed", "open", "expired"]
    opened_at: WallTime | None
    receipts: Count | None


class DeviceShown(TypedDict):
    """The device as it last said of itself."""

    state: Literal["ready", "busy", "paper_out", "cover_open", "fault", "unreachable"]
    blocked: Annotated[str | None, Field(description="Why it cannot fiscalise; null: it can.")]
    fn_number: FnNumber
    last_document: Annotated[int, Field(ge=0, description="Number of the last document in the FN.")]
    shift: ShiftShown
    unsent_documents: Count
    first_unsent_number: Number | None
    first_unsent_at: WallTime | None
    fn_valid_until: Day
    fn_days_left: Annotated[int, Field(description="Days; negative: it is over.")]
    documents_left: Annotated[int | None, Field(description="Documents the FN still takes.")]
    clock: WallTime
    told_at: Moment | None


class Spread(TypedDict):
    """Of some durations, in whole milliseconds."""

    count: Count
    p50_ms: Count
    p95_ms: Count
    p99_ms: Count
    max_ms: Count


class CommandSpread(Spread):
    command: Annotated[str, Field(description="As the protocol of the device calls it.")]


class DeviceTimes(TypedDict):
    """What the newest receipts (200 at most) since the start have cost at the device."""

    receipt: Annotated[Spread, Field(description="All commands of a receipt together.")]
    commands: Annotated[list[CommandSpread], Field(description="The costliest first.")]


class HoldShown(TypedDict):
    """A person has set the register aside."""

    mode: Annotated[
        Literal["hold", "drain"],
        Field(description="hold: prints no receipt; drain: prints what waits, takes no new one."),
    ]
    reason: str
    since: Moment
    by: str | None


class RegisterHeld(TypedDict):
    register_id: RegisterId
    hold: HoldShown | None
    moved: Annotated[
        int, Field(ge=0, description="Waiting receipts of groups that went to other registers at once.")
    ]


class ReadinessShown(TypedDict):
    """Whether a receipt would be printed now."""

    ready: bool
    reason: Annotated[
        Literal[
            "unknown_till",
            "maintenance",
            "storage",
            "disk",
            "buffer",
            "hold",
            "question",
            "fn",
            "paper",
            "shift",
            "group",
            "register",
        ]
        | None,
        Field(description="A closed list; null: ready."),
    ]
    detail: Annotated[str, Field(description="For people: Russian, or English where that is asked for.")]
    until: Annotated[
        Moment | None,
        Field(description="When the reason should end; ready: when the shift must be closed by a person."),
    ]
    register_id: Annotated[
        str | None, Field(description="Which register would print, or which one the reason is about.")
    ]
    checked_at: Annotated[Moment, Field(description="When the register last told of itself.")]


class RegisterShown(TypedDict):
    register_id: RegisterId
    transport: Annotated[str, Field(description="How its documents go to the operator.")]
    fiscal_device: Annotated[bool | None, Field(description="False: a virtual one; null: not known yet.")]
    serial_number: str | None
    registration_number: str | None
    ffd_version: str | None
    hold: HoldShown | None
    groups: Annotated[list[str], Field(description="Ids of its [[group]] tables.")]
    trouble: Trouble | None
    question: OpenQuestion | None
    device: DeviceShown | None
    device_times: Annotated[DeviceTimes | None, Field(description="null: no receipt since the start.")]


class RegistersShown(TypedDict):
    registers: list[RegisterShown]


class PosSession(TypedDict):
    """A till's session with the cash in its drawer."""

    session_id: str
    pos_id: TillId
    register_id: RegisterId
    status: Literal["open", "closing", "closed"]
    opened_at: Moment
    closed_at: Moment | None
    opening_cash: Rubles
    cash_balance: Rubles
    card_balance: Rubles
    total_sales: Rubles
    total_refunds: Rubles
    cash_in: Rubles
    cash_out: Rubles
    receipt_count: Count
    z_report: Annotated[ShiftReport | None, Field(description="The Z report that closed it.")]
    counted_cash: Annotated[Rubles | None, Field(description="What a person counted in the drawer.")]
    cash_difference: Annotated[
        Rubles | None, Field(description="Counted less expected; below zero money is missing.")
    ]
