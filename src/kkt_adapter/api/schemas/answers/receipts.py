"""Answers about receipts: accepted, read back, listed, and the check before a refund."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.answers import requisites
from kkt_adapter.api.schemas.units import (
    Count,
    FiscalDocId,
    FiscalSign,
    FnNumber,
    ForPeople,
    Moment,
    NextCursor,
    Number,
    Percent,
    ReceiptId,
    RegisterId,
    Rubles,
    TillId,
    WallTime,
    words,
)

PrintStateName = Literal["new", "printing", "printed", "print_unknown", "print_failed"]
StatusName = Literal["pending", "syncing", "synced", "failed"]
KindName = Literal["sale", "refund", "expense", "expense_refund", "correction"]


class FiscalDoc(TypedDict):
    """The fiscal document of a receipt. ``fiscalDocumentNumber`` and ``fiscalSign`` repeat two members."""

    fiscal_doc_number: Number
    fiscal_sign: FiscalSign
    fiscal_datetime: WallTime
    fn_number: FnNumber
    kkt_number: Annotated[str, Field(description="Serial number of the register (tag 1013).")]
    rn_kkt: Annotated[str, Field(description="Registration number of the register (tag 1037).")]
    inn: Annotated[str, Field(description="INN of the user, 10 or 12 digits.")]
    ofd_name: str
    shift_number: Number
    receipt_number: Annotated[int, Field(ge=0, description="Number in the shift.")]
    total: Rubles
    qr_code_data: Annotated[str, Field(description="Content of the QR code.")]
    fiscalDocumentNumber: Number
    fiscalSign: FiscalSign


class HybridTime(TypedDict):
    """When it was accepted, by the node's hybrid clock."""

    local_time: Annotated[int, Field(description="Unix seconds.")]
    logical_counter: Count
    server_time: Annotated[int | None, Field(description="Unix seconds of the server; null: not known.")]


class BufferPlace(TypedDict):
    queue_position: Count
    total_queued: Count


class ReceiptRemark(TypedDict):
    """What was put right or looks odd; the receipt was accepted all the same."""

    code: str
    field: str
    tag: Annotated[int | None, Field(description="FFD tag.")]
    message: ForPeople


class AcceptedReceipt(TypedDict):
    """``printed``: the register made the document; ``buffered``: it did not in time, printing goes on."""

    status: Literal["printed", "buffered"]
    receipt_id: ReceiptId
    fiscal_doc_id: FiscalDocId | None
    fiscal_doc: FiscalDoc | None
    message: ForPeople
    sync_status: Literal["pending"]
    hlc: HybridTime
    buffer_info: BufferPlace
    warnings: list[ReceiptRemark]
    receipt_url: NotRequired[
        Annotated[str, Field(description="The buyer's page; of printed receipts, with public_url only.")]
    ]


class ReceiptSummary(TypedDict):
    """A receipt as lists show it: ``print_state`` is the register's side, ``status`` the operator's."""

    receipt_id: ReceiptId
    id: Annotated[str, Field(description="The same as receipt_id.")]
    pos_id: TillId
    register_id: RegisterId
    type: KindName
    idempotency_key: str
    total: Rubles
    print_state: PrintStateName
    status: StatusName
    fiscal_doc_id: FiscalDocId | None
    fiscal_doc: FiscalDoc | None
    retry_count: Annotated[int, Field(ge=0, description="Failed attempts to deliver.")]
    last_error: str | None
    next_attempt_at: Moment | None
    created_at: Moment
    printed_at: Moment | None
    synced_at: Moment | None
    ofd_id: Annotated[str | None, Field(description="The operator's own id of the document.")]
    hlc: HybridTime
    door: Annotated[str | None, Field(description="The foreign protocol it came by; null: /v1.")]
    account: Annotated[str | None, Field(description="Id of the shop's account.")]
    group: Annotated[str | None, Field(description="Id of the group of registers it was sent to.")]
    client_key: Annotated[str | None, Field(description="The shop's own key: external_id, IdCommand.")]


class ReceiptLine(TypedDict):
    """What the line says; the members from ``discount`` on stand there only when they say something."""

    name: str
    price: Rubles
    quantity: Annotated[float, Field(description="In units of the line, at most six decimals.")]
    total: Rubles
    vat_rate: Annotated[str, Field(description="22, 20, 10, 7, 5, 0, none, 22/122 ...")]
    vat: Annotated[Rubles, Field(description="The tax inside.")]
    subject: Annotated[int, Field(description="1212.")]
    method: Annotated[int, Field(description="1214.")]
    measure: Annotated[int, Field(description="2108.")]
    unit: Annotated[str, Field(description="Text of the measure.")]
    sku: str | None
    discount: NotRequired[Rubles]
    mark_code: NotRequired[str]
    mark_permission: NotRequired[requisites.MarkPermissionShown]
    agent: NotRequired[requisites.AgentShown]
    supplier: NotRequired[requisites.SupplierShown]
    excise_tax: NotRequired[Rubles]
    country: NotRequired[str]
    customs_declaration: NotRequired[str]
    line_attribute: NotRequired[str]
    mark_quantity: NotRequired[requisites.MarkQuantityShown]
    planned_status: NotRequired[Annotated[int, Field(description="Tag 2003: 1 to 6, or 255.")]]
    industry: NotRequired[list[requisites.IndustryShown]]
    wholesale: NotRequired[bool]


class ReceiptPayment(TypedDict):
    type: Literal["cash", "card", "prepaid", "credit", "other"]
    amount: Rubles


class ReceiptAttempt(TypedDict):
    """One attempt to print or to send."""

    what: str
    started_at: Moment
    ended_at: Moment | None
    outcome: str | None
    error: str | None
    commands: Annotated[
        dict[str, list[int]] | None,
        Field(
            description="Commands sent to the register, each with the milliseconds of every time it was "
            "sent. null: nothing was sent, or nobody saw the end."
        ),
    ]


class ReceiptEvent(TypedDict):
    event: str
    level: Literal["info", "warning", "error"]
    timestamp: Moment
    metadata: Annotated[dict[str, Any], Field(description="Facts of this event.")]


class ShopCallback(TypedDict):
    """How the shop that sent the receipt is told of its outcome."""

    url: Annotated[str, Field(description="Without its query, which may hold a secret.")]
    state: Annotated[Annotated[str, words("waiting", "done", "given_up")], Field(description="Where it is.")]
    attempts: Annotated[int, Field(ge=0, description="Failed so far.")]
    last_error: str | None
    due_at: Moment | None
    done_at: Moment | None


class ReceiptDetail(ReceiptSummary):
    """A receipt with its lines, attempts and events, oldest first; at most 200 of each.

    What the request may say (docs/reference/requisites.md) stands here under the same names, absent values
    left out.
    """

    ffd_version: Literal["1.05", "1.1", "1.2"]
    operation: Literal["sale", "refund", "expense", "expense_refund"]
    taxation: Annotated[str | int, Field(description="Name of the taxation system, or its bit of tag 1055.")]
    cashier: NotRequired[requisites.CashierShown]
    internet: NotRequired[bool]
    place: NotRequired[str]
    address: NotRequired[str]
    customer: NotRequired[requisites.CustomerShown]
    sender_email: NotRequired[str]
    correction: NotRequired[requisites.CorrectionShown]
    additional_attribute: NotRequired[str]
    user_attribute: NotRequired[requisites.UserAttributeShown]
    agent: NotRequired[requisites.AgentShown]
    supplier: NotRequired[requisites.SupplierShown]
    industry: NotRequired[list[requisites.IndustryShown]]
    operation_attribute: NotRequired[requisites.OperationAttributeShown]
    cashless: NotRequired[list[requisites.CashlessShown]]
    device_number: NotRequired[str]
    timezone: NotRequired[Annotated[int, Field(description="Tag 1011: 1 is UTC+2, 11 is UTC+12.")]]
    no_print: NotRequired[bool]
    receipt_url: Annotated[
        str | None, Field(description="The buyer's page; null before it is printed, and without public_url.")
    ]
    callback: ShopCallback | None
    operator_code: Annotated[
        int | None,
        Field(
            description="The operator took the document with this response code: 11 not recognised, 14 "
            "format control failed, or another. null: nothing wrong."
        ),
    ]
    items: list[ReceiptLine]
    payments: list[ReceiptPayment]
    order_id: str | None
    original_receipt_id: str | None
    warnings: list[ReceiptRemark]
    attempts: list[ReceiptAttempt]
    events: list[ReceiptEvent]


class ReceiptPage(TypedDict):
    items: list[ReceiptSummary]
    next_cursor: NextCursor


class RefundCheck(TypedDict):
    """Whether a refund of the sale would be accepted now."""

    allowed: bool
    sync_status: Literal["pending", "syncing", "synced", "failed", "not_found"]
    reason: Annotated[str, Field(description="For people, in English and Russian.")]
    buffer_count: Annotated[int, Field(ge=0, description="Receipts that wait for the operator.")]
    buffer_percent: Percent
