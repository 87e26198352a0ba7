"""Values: what a till asks for, what a register fiscalises, what an FN has signed.

A ``ReceiptRequest`` is the till's wish after aliases and number forms are resolved; fields left out are
None. A ``Receipt`` is complete: the register's defaults are filled in and every rule of
``ffd/validation/receipt.py``
holds. A ``FiscalDocument`` is a fact that only an FN can make.

Money is kopecks, quantities are millionths. Times of documents are the register's wall clock (naive).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType

from kkt_adapter.fiscal.requisites import LineExtras, ReceiptExtras
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.ids import FnNumber, PosId, ReceiptId, RegisterId
from kkt_adapter.kernel.money import Kopecks, Quantity
from kkt_adapter.kernel.quick import quickly_made


class FfdVersion(IntEnum):
    """Tag 1209 / 1189 / 1190."""

    V1_05 = 2
    V1_1 = 3
    V1_2 = 4

    @property
    def text(self) -> str:
        """``1.05``, ``1.1`` or ``1.2``: what settings, interfaces and people call it."""
        return self.name.removeprefix("V").replace("_", ".")


FFD_OF_TEXT: Mapping[str, FfdVersion] = MappingProxyType({version.text: version for version in FfdVersion})


class DocumentCode(IntEnum):
    """Document codes of FFD 1.05-1.2 (docs/reference/ofd-protocol.md)."""

    REGISTRATION = 1
    OPEN_SHIFT = 2
    RECEIPT = 3
    BSO = 4
    CLOSE_SHIFT = 5
    CLOSE_ARCHIVE = 6
    CONFIRMATION = 7
    REREGISTRATION = 11
    CURRENT_STATE = 21
    CORRECTION = 31
    BSO_CORRECTION = 41


class ReceiptKind(StrEnum):
    SALE = "sale"
    REFUND = "refund"
    EXPENSE = "expense"
    EXPENSE_REFUND = "expense_refund"
    CORRECTION = "correction"


class Operation(IntEnum):
    """Tag 1054 (признак расчёта)."""

    SALE = 1
    REFUND = 2
    EXPENSE = 3
    EXPENSE_REFUND = 4


OPERATION_OF_KIND = {
    ReceiptKind.SALE: Operation.SALE,
    ReceiptKind.REFUND: Operation.REFUND,
    ReceiptKind.EXPENSE: Operation.EXPENSE,
    ReceiptKind.EXPENSE_REFUND: Operation.EXPENSE_REFUND,
}


class PaymentKind(StrEnum):
    CASH = "cash"  # 1031
    CARD = "card"  # 1081
    PREPAID = "prepaid"  # 1215
    CREDIT = "credit"  # 1216
    OTHER = "other"  # 1217


class VatRate(StrEnum):
    """Rates as the wire names them; codes of tag 1199 are in ``ffd/vat.py``."""

    P22 = "22"
    P20 = "20"
    P10 = "10"
    P7 = "7"
    P5 = "5"
    P0 = "0"
    NONE = "none"
    P22_122 = "22/122"
    P20_120 = "20/120"
    P10_110 = "10/110"
    P7_107 = "7/107"
    P5_105 = "5/105"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPermission:
    """The marking system's answer that allows the sale (goes into 1260/1265)."""

    uuid: str
    time: str  # as the marking system gave it
    inst: str | None = None
    ver: str | None = None
    blocked: bool = False


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    name: str
    price_kop: Kopecks
    quantity: Quantity
    amount_kop: Kopecks | None = None  # None: price x quantity, half up
    vat: VatRate | None = None
    sku: str | None = None
    subject: int | None = None  # 1212
    method: int | None = None  # 1214
    unit: str | None = None  # measure as code or word, as the till wrote it
    discount_kop: Kopecks | None = None  # for the slip only
    mark_code: str | None = None
    mark_permission: MarkPermission | None = None
    extras: LineExtras | None = None


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    kind: PaymentKind
    amount_kop: Kopecks


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The buyer; from ``birth_date`` on only FFD 1.2 has a place for it, in 1256."""

    email: str | None = None  # 1008
    phone: str | None = None  # 1008
    name: str | None = None  # 1227
    inn: str | None = None  # 1228
    birth_date: date | None = None  # 1243
    citizenship: str | None = None  # 1244, three digits of OKSM
    document_code: str | None = None  # 1245, two digits
    document_data: str | None = None  # 1246
    address: str | None = None  # 1254


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Cashier:
    name: str | None = None  # 1021, at most 64 characters
    inn: str | None = None  # 1203, 12 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    by_order: bool  # 1173: False own initiative (0), True order of the tax office (1)
    date: date  # 1178: day of the settlement that is corrected
    number: str | None  # 1179
    operation: Operation  # 1054 of the correction document
    fiscal_sign: str | None = None  # 1192: sign of the wrong document, decimal text


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAttribute:
    """Tag 1084: the user's own pair."""

    name: str  # 1085, 1..64
    value: str  # 1086, 1..256


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRequest:
    """What the till asks for, canonical; ``None`` means "not said"."""

    pos_id: PosId
    kind: ReceiptKind
    lines: tuple[LineRequest, ...]
    payments: tuple[Payment, ...]
    total_kop: Kopecks | None = None
    original_receipt_id: str | None = None
    correction: Correction | None = None
    customer: Customer | None = None
    cashier: Cashier | None = None
    order_id: str | None = None
    taxation: int | None = None  # 1055, one bit
    internet: bool | None = None
    place: str | None = None  # 1187
    address: str | None = None  # 1009
    additional_attribute: str | None = None  # 1192
    user_attribute: UserAttribute | None = None  # 1084
    extras: ReceiptExtras | None = None
    refund_force_reason: str | None = None  # why a sale that was written off is refunded all the same


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One 1059, complete."""

    name: str  # 1030: at most 128 characters, all in CP866
    price_kop: Kopecks  # 1079
    quantity: Quantity  # 1023
    amount_kop: Kopecks  # 1043
    vat: VatRate  # 1199
    vat_kop: Kopecks  # tax inside the line (0 for rates 0 and none)
    subject: int  # 1212
    method: int  # 1214
    measure: int  # 2108
    unit: str  # 1197, text of the measure
    sku: str | None = None
    discount_kop: Kopecks | None = None
    mark_code: str | None = None
    mark_permission: MarkPermission | None = None
    extras: LineExtras | None = None


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A complete receipt, checked, ready for any register."""

    id: ReceiptId
    key: str | None  # receipt key of fiscal-rules.md (16 characters A-Z2-7); None when switched off
    register_id: RegisterId
    pos_id: PosId
    kind: ReceiptKind
    operation: Operation  # 1054
    lines: tuple[Line, ...]
    payments: tuple[Payment, ...]  # sums agree with total_kop exactly
    total_kop: Kopecks  # 1020
    taxation: int  # 1055
    cashier: Cashier
    ffd_version: FfdVersion
    internet: bool = False  # 1125
    place: str | None = None  # 1187; None: as registered
    address: str | None = None  # 1009; None: as registered
    customer: Customer | None = None
    sender_email: str | None = None  # 1117, when the buyer gave a contact
    correction: Correction | None = None
    additional_attribute: str | None = None  # 1192, with the key already placed where it belongs
    user_attribute: UserAttribute | None = None  # 1084, likewise
    order_id: str | None = None
    original_receipt_id: str | None = None
    extras: ReceiptExtras | None = None

    def paid_kop(self, kind: PaymentKind) -> Kopecks:
        return Kopecks(sum(p.amount_kop for p in self.payments if p.kind is kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptWarning:
    """Accepted, but somebody should look at it (fiscal-rules.md)."""

    code: str  # VAT_RATE_DATE, NAME_CHANGED ...
    field: str
    message: Text
    tag: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Facts of the registration, as the device reports them; nobody changes them from outside."""

    fn_number: FnNumber  # 1041
    registration_number: str  # 1037, 16 digits
    serial_number: str  # 1013
    user_inn: str  # 1018, 10 or 12 digits
    user_name: str  # 1048
    address: str  # 1009
    place: str  # 1187
    taxation_mask: int  # 1062
    ffd_version: FfdVersion  # 1209
    ofd_name: str  # 1046
    ofd_inn: str  # 1017
    fns_site: str  # 1060
    sender_email: str  # 1117
    kkt_version: str  # 1188, at most 8 characters
    auto_mode: bool = False  # 1001
    machine_number: str | None = None  # 1036
    offline_mode: bool = False  # 1002: nothing is ever sent
    internet_only: bool = False  # 1108 / 1290 bit 5
    marked_goods: bool = False  # 1290 bit 8
    excise_goods: bool = False  # 1290 bit 6
    fiscal_device: bool = True  # False: a virtual register, always labelled as not a fiscal device


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDefaults:
    """What the configuration adds for receipts that do not say (fiscal-rules.md)."""

    taxation: int | None = None
    cashier: str | None = None
    cashier_inn: str | None = None
    vat: VatRate = VatRate.NONE
    subject: int = 1
    method: int | None = None  # None: 4, or 5/6 by the share of credit
    unit: str | None = None  # None: pieces
    internet: bool = False
    site: str | None = None
    other_place: bool = False
    rounding: bool = False
    vat_dates: str = "warn"  # or "refuse"
    receipt_key: str = "auto"  # auto, 1084, off


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterProfile:
    """Everything ``ffd/validation/receipt.py`` needs to know of a register."""

    register_id: RegisterId
    registration: Registration
    defaults: RegisterDefaults


class Unread(StrEnum):
    """What could not be read of a receipt's document: whether it carries a receipt key is not known."""

    TAGS = "tags"
    KOPECKS = "kopecks"  # likewise, and its sum is known in whole rubles only


def sum_fits(found_kop: int | None, unread: Unread | None, total_kop: int) -> bool:
    """May a document of that sum be a receipt of this total?"""
    return found_kop == (total_kop - total_kop % 100 if unread is Unread.KOPECKS else total_kop)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalDocument:
    """A document an FN has signed and stored. Any code of ``DocumentCode``."""

    fn_number: FnNumber
    fd_number: int  # 1040, strictly rising per FN
    code: DocumentCode
    fiscal_sign: int  # 1077 as an unsigned 32-bit number
    fiscalized_at: datetime  # 1012: naive, the register's wall clock
    shift_number: int  # 1038; 0 in registration reports
    receipt_number: int | None = None  # 1042, within the shift; receipts and corrections only
    operation: Operation | None = None  # 1054
    total_kop: Kopecks | None = None  # 1020
    key: str | None = None  # the receipt key found in 1192 or 1084, if any
    unread: Unread | None = None  # None: ``key`` tells whether there is one
    confirmed: bool = False  # the FN has taken the operator's confirmation
    tlv: bytes | None = field(default=None, compare=False, repr=False)  # whole, where the device gives it


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTotals:
    """What X and Z reports show; kopecks, one shift of one register."""

    shift_number: int
    opened_at: datetime | None  # wall clock; None: no shift was ever opened
    receipt_count: int = 0  # receipts and corrections
    sales_kop: Kopecks = Kopecks(0)  # gross income: operation 1 (and expense refunds, 4)
    refunds_kop: Kopecks = Kopecks(0)  # operation 2 (and expenses, 3)
    cash_kop: Kopecks = Kopecks(0)  # net of refunds, may be negative
    card_kop: Kopecks = Kopecks(0)
    other_kop: Kopecks = Kopecks(0)  # prepaid + credit + counter-provision, net


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftReport:
    """A Z report: the document that closed the shift and its totals."""

    document: FiscalDocument
    totals: ShiftTotals


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Where the FN stood before a command that makes a document."""

    fn_number: FnNumber
    fd_number: int  # last document; 0 in an FN without documents


@dataclass(frozen=True, slots=True, kw_only=True)
class OfdMessage:
    """One message of the FN for the operator: session header and container, to be sent byte for byte."""

    fn_number: FnNumber
    fd_number: int
    code: DocumentCode
    raw: bytes
