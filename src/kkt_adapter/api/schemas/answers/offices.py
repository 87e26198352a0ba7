"""Answers for and about back offices: the events they fetch, and how their calls go."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.answers.receipts import KindName
from kkt_adapter.api.schemas.units import (
    Count,
    FiscalSign,
    FnNumber,
    Moment,
    Number,
    ReceiptId,
    TillId,
    WallTime,
    words,
)


class ExportedDoc(TypedDict):
    fn_number: FnNumber
    fd_number: Number
    fiscal_sign: FiscalSign
    registration_number: str
    shift_number: Number
    number_in_shift: Count
    fiscalized_at: WallTime
    qr: Annotated[str, Field(description="Content of the QR code.")]


class ExportedEvent(TypedDict):
    """``event_id`` rises; store it, and what it says replaces what an event before it said."""

    event_id: Annotated[int, Field(ge=1)]
    idempotency_key: str
    receipt_id: ReceiptId
    pos_id: TillId
    kind: KindName
    total: Annotated[str, Field(description="Rubles as text with two decimals.", pattern=r"^\d+\.\d{2}$")]
    state: Annotated[str, Field(description="What became of the receipt by now.")]
    printed: bool
    error: str | None
    changed_at: Moment
    fiscal_doc: ExportedDoc | None
    door: NotRequired[Annotated[str, Field(description="The foreign protocol it came by, if by one.")]]
    account: NotRequired[Annotated[str, Field(description="Then: id of the shop's account.")]]
    client_key: NotRequired[Annotated[str, Field(description="Then: the shop's own key.")]]


class ExportedEvents(TypedDict):
    events: list[ExportedEvent]
    next_after: Annotated[int, Field(ge=0, description="For the next call, after the events are stored.")]
    has_more: bool


class OfficeState(TypedDict):
    state: Annotated[
        Annotated[str, words("online", "offline", "unknown")], Field(description="Whether it answers.")
    ]
    consecutive_successes: Count
    consecutive_failures: Count
    last_success_at: Moment | None
    last_error: str | None


class OfficeShown(OfficeState):
    name: str
    profile: Annotated[str, words("odoo", "onec", "webhook")]
    url: Annotated[str, Field(description="Without its query.")]
    last_answer: Annotated[str | None, Field(description="How the last answer was taken.")]
    acked_event_id: Annotated[int | None, Field(description="Events up to this one are taken.")]
    next_call_at: Moment | None


class HeartbeatStatus(OfficeState):
    """The back office that is worst off, and each of them. ``sends``: this process makes the calls."""

    configured: bool
    running: bool
    sends: bool
    targets: list[OfficeShown]
