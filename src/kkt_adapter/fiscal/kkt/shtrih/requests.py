"""Bodies of commands: command code (one byte, or FFh and one more), password, parameters.

Sizes and orders are those of the vendor's protocol with its corrections (docs/reference/shtrih-m.md,
Commands). A body knows nothing of frames: both low-level protocols carry the same one.
"""

from dataclasses import dataclass
from datetime import date, datetime

from kkt_adapter.fiscal.kkt.shtrih.values import NOT_GIVEN, dmy, hms, text, u1, u2, u4, u5, u6

SHORT_STATUS = b"\x10"
FULL_STATUS = b"\x11"
METRICS = b"\xfc"
PARAMETERS = b"\xf7"
MONEY_REGISTER = b"\x1a"
OPERATION_REGISTER = b"\x1b"
WRITE_TABLE = b"\x1e"
READ_TABLE = b"\x1f"
TABLE_STRUCTURE = b"\x2d"
FIELD_STRUCTURE = b"\x2e"
ERROR_TEXT = b"\x6b"
END_DUMP = b"\x03"

X_REPORT = b"\x40"
Z_REPORT = b"\x41"
OPEN_SHIFT = b"\xe0"
CASH_IN = b"\x50"
CASH_OUT = b"\x51"
CONTINUE_PRINT = b"\xb0"
COPY = b"\x8c"
PRINT_TEXT = b"\x17"
FEED = b"\x29"
CUT = b"\x25"
SET_TIME = b"\x21"
SET_DATE = b"\x22"
CONFIRM_DATE = b"\x23"

OPEN_RECEIPT = b"\x8d"
SUBTOTAL = b"\x89"
CANCEL_RECEIPT = b"\x88"
TAG = b"\xff\x0c"
ITEM_TAG = b"\xff\x4d"
OPERATION = b"\xff\x46"
CLOSE_RECEIPT = b"\xff\x45"
BEGIN_CORRECTION = b"\xff\x35"
CORRECTION = b"\xff\x4a"
LOAD_DATA = b"\xdd"
TAG_FROM_BUFFER = b"\xff\x64"
CHECK_MARK = b"\xff\x61"
ACCEPT_MARK = b"\xff\x69"
BIND_MARK = b"\xff\x67"

FN_STATUS = b"\xff\x01"
FN_NUMBER = b"\xff\x02"
FN_VALID_UNTIL = b"\xff\x03"
FN_VERSION = b"\xff\x04"
FN_CANCEL = b"\xff\x08"
FN_REGISTRATION = b"\xff\x09"
FN_FIND = b"\xff\x0a"
FN_OPEN_SHIFT = b"\xff\x0b"
FN_BEGIN_OPEN_SHIFT = b"\xff\x41"
FN_BEGIN_CLOSE_SHIFT = b"\xff\x42"
FN_CLOSE_SHIFT = b"\xff\x43"
FN_SHIFT = b"\xff\x40"
FN_EXCHANGE = b"\xff\x39"
FN_UNCONFIRMED = b"\xff\x3f"
FN_TICKET = b"\xff\x3c"
FN_DOCUMENT = b"\xff\x3a"
FN_DOCUMENT_PIECE = b"\xff\x3b"
FN_MESSAGE_SIZE = b"\xff\x30"
FN_READ_BLOCK = b"\xff\x31"
FN_BEGIN_WRITE = b"\xff\x32"
FN_WRITE_BLOCK = b"\xff\x33"

MAX_TLV = 249  # FF0C and FF4D
MAX_MARK_AND_TLV = 245  # FF61
MAX_WRITE_BLOCK = 246  # FF33
MAX_READ_BLOCK = 252  # FF31: its answer has three bytes before the block
DATA_BLOCK = 64  # DDh
DATA_FOR_TLV = 1  # DDh: what the data is for
NAME_LIMIT = 128  # FF46, characters of CP1251

PASSWORDLESS = frozenset({METRICS, PARAMETERS, ERROR_TEXT})


def command_of(body: bytes) -> bytes:
    """The code that a body begins with."""
    return body[:2] if body[:1] == b"\xff" else body[:1]


def with_password(command: bytes, password: int, parameters: bytes = b"") -> bytes:
    """``password`` is the number, 0..2^32-1: 30 goes out as 1E 00 00 00."""
    return command + u4(password) + parameters


def read_table(password: int, table: int, row: int, field: int) -> bytes:
    return with_password(READ_TABLE, password, u1(table) + u2(row) + u1(field))


def write_table(password: int, table: int, row: int, field: int, value: bytes) -> bytes:
    return with_password(WRITE_TABLE, password, u1(table) + u2(row) + u1(field) + value)


def field_structure(password: int, table: int, field: int) -> bytes:
    return with_password(FIELD_STRUCTURE, password, u1(table) + u1(field))


def money_register(password: int, number: int) -> bytes:
    """One byte up to 255, two above (newer firmware)."""
    return with_password(MONEY_REGISTER, password, u1(number) if number < 256 else u2(number))


def operation_register(password: int, number: int) -> bytes:
    return with_password(OPERATION_REGISTER, password, u1(number))


def cash(password: int, amount_kop: int) -> bytes:
    """In when positive, out when negative."""
    return with_password(CASH_IN if amount_kop > 0 else CASH_OUT, password, u5(abs(amount_kop)))


def print_text(password: int, line: str) -> bytes:
    """40 characters on the receipt tape."""
    return with_password(PRINT_TEXT, password, b"\x02" + text(line, 40))


def set_time(password: int, moment: datetime) -> bytes:
    return with_password(SET_TIME, password, hms(moment))


def set_date(password: int, day: date) -> bytes:
    return with_password(SET_DATE, password, dmy(day))


def confirm_date(password: int, day: date) -> bytes:
    return with_password(CONFIRM_DATE, password, dmy(day))


def open_receipt(password: int, kind: int) -> bytes:
    """0 sale, 1 expense, 2 refund, 3 refund of an expense; 80h..83h the same as corrections (FFD 1.1, 1.2).

    Not the order of tag 1054 and FF46."""
    return with_password(OPEN_RECEIPT, password, u1(kind))


def tag(password: int, tlv: bytes) -> bytes:
    return with_password(TAG, password, tlv)


def item_tag(password: int, tlv: bytes) -> bytes:
    return with_password(ITEM_TAG, password, tlv)


def load_data(password: int, number: int, block: bytes) -> bytes:
    """One of the blocks of a TLV that does not fit into one frame; the last one is filled with zeros."""
    return with_password(LOAD_DATA, password, u1(DATA_FOR_TLV) + u1(number) + block.ljust(DATA_BLOCK, b"\0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOperation:
    """FF46: one line. ``rate`` is the byte of ``vat.py``; ``quantity`` in millionths, sums in kopecks."""

    operation: int  # as tag 1054
    quantity: int
    price_kop: int
    amount_kop: int = NOT_GIVEN  # must be within one kopeck of price x quantity
    tax_kop: int = NOT_GIVEN
    rate: int
    department: int = 1
    method: int  # 1214
    subject: int  # 1212
    name: str

    def body(self, password: int) -> bytes:
        return with_password(
            OPERATION,
            password,
            u1(self.operation)
            + u6(self.quantity)
            + u5(self.price_kop)
            + u5(self.amount_kop)
            + u5(self.tax_kop)
            + u1(self.rate)
            + u1(self.department)
            + u1(self.method)
            + u1(self.subject)
            + text(self.name)[:NAME_LIMIT],
        )


PAYMENTS = 16  # sums of FF45
CASH, CARD, PREPAID, CREDIT, BARTER = 0, 1, 13, 14, 15
"""Places of the payments among the sums of FF45."""


def close_receipt(
    password: int, payments: dict[int, int], *, rounding_kop: int, taxation: int, footer: str = ""
) -> bytes:
    """FF45 with the six tax sums left zero: the register works them out (table 1, "tax accrual" = 0)."""
    sums = b"".join(u5(payments.get(place, 0)) for place in range(PAYMENTS))
    return with_password(
        CLOSE_RECEIPT, password, sums + u1(rounding_kop) + bytes(6 * 5) + u1(taxation) + text(footer)[:64]
    )


def correction(
    password: int,
    *,
    by_order: bool,
    operation: int,
    total_kop: int,
    payments: dict[int, int],
    taxes_kop: tuple[int, ...],
    taxation: int,
) -> bytes:
    """FF4A, FFD 1.05: ``taxes_kop`` are 20 %, 10 %, turnover 0 %, turnover without, 20/120, 10/110."""
    sums = b"".join(u5(payments.get(place, 0)) for place in (CASH, CARD, PREPAID, CREDIT, BARTER))
    taxes = b"".join(u5(sum_kop) for sum_kop in taxes_kop)
    head = u1(int(by_order)) + u1(operation) + u5(total_kop)
    return with_password(CORRECTION, password, head + sums + taxes + u1(taxation))


def find_document(password: int, fd_number: int) -> bytes:
    return with_password(FN_FIND, password, u4(fd_number))


def begin_document(password: int, fd_number: int) -> bytes:
    return with_password(FN_DOCUMENT, password, u4(fd_number))


def read_block(password: int, offset: int, size: int) -> bytes:
    return with_password(FN_READ_BLOCK, password, u2(offset) + u1(size))


def begin_write(password: int, size: int) -> bytes:
    return with_password(FN_BEGIN_WRITE, password, u2(size))


def write_block(password: int, offset: int, block: bytes) -> bytes:
    return with_password(FN_WRITE_BLOCK, password, u2(offset) + u1(len(block)) + block)


def check_mark(password: int, *, status: int, mark: bytes, tlv: bytes = b"") -> bytes:
    """FF61; ``status`` is tag 2003, processing mode 0."""
    head = u1(status) + b"\0" + u1(len(mark)) + u1(len(tlv))
    return with_password(CHECK_MARK, password, head + mark + tlv)


def accept_mark(password: int, *, accept: bool) -> bytes:
    return with_password(ACCEPT_MARK, password, u1(int(accept)))


def bind_mark(password: int, mark: bytes, *, wholesale: bool = False) -> bytes:
    """``wholesale``: one code stands for many pieces."""
    return with_password(BIND_MARK, password, u1(len(mark)) + mark + (b"\xff" if wholesale else b""))
