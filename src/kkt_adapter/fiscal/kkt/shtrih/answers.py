"""What devices answer: the common head, and the contents of each command's answer.

An answer is code, error byte and data. With an error there is no data; newer devices add four bytes that say
more (F7h bit 54). Some answers carry five more bytes of date and time at their end (table 17, field 36), so
that whatever is longer than needed is fine.

Source: docs/reference/shtrih-m.md, Commands.
"""

from dataclasses import dataclass
from datetime import date, datetime

from kkt_adapter.fiscal.kkt.shtrih.requests import command_of
from kkt_adapter.fiscal.kkt.shtrih.values import BadShtrihAnswer, Cursor, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    command: bytes
    error: int  # 0: done
    data: bytes  # behind the error byte; empty with an error
    sub_code: int | None = None  # of the four-byte error: why, in the firmware's own numbers


def read_answer(command: bytes, body: bytes) -> Answer:
    """``body`` as the answer to ``command``.

    Raises:
        BadShtrihAnswer: it is the answer to another command, or too short.
    """
    if command[:1] == b"\xff" and len(body) == 2 and body[:1] == b"\xff":
        return Answer(command=command, error=body[1], data=b"")  # an unknown FF command, without its echo
    if command_of(body) != command or len(body) <= len(command):
        raise BadShtrihAnswer(f"{body.hex()} is no answer to {command.hex()}")
    error, data = body[len(command)], body[len(command) + 1 :]
    if not error:
        return Answer(command=command, error=0, data=data)
    sub_code = int.from_bytes(data[:2], "little") if len(data) == 4 and data[2] == error else None
    return Answer(command=command, error=error, data=b"", sub_code=sub_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortStatus:
    """10h. ``mode`` and ``sub_mode`` as ``modes.py`` names them."""

    operator: int
    flags: int
    mode: int  # low nibble: mode, high nibble: which document is open
    sub_mode: int

    @classmethod
    def read(cls, data: bytes) -> "ShortStatus":
        cursor = Cursor(data)
        return cls(
            operator=cursor.number(1),
            flags=cursor.number(2),
            mode=cursor.number(1),
            sub_mode=cursor.number(1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FullStatus:
    """11h, without what FN devices fill with nothing."""

    firmware: str  # "C.1"
    build: int
    document_number: int  # running number of everything printed
    flags: int
    mode: int
    sub_mode: int
    clock: datetime
    last_closed_shift: int

    @classmethod
    def read(cls, data: bytes) -> "FullStatus":
        cursor = Cursor(data)
        cursor.take(1)
        version = cursor.ascii(2)
        build = cursor.number(2)
        cursor.take(4)  # firmware date, number in the hall
        document_number, flags = cursor.number(2), cursor.number(2)
        mode, sub_mode = cursor.number(1), cursor.number(1)
        cursor.take(8)  # port, version, build and date of the fiscal memory
        clock = cursor.hms(cursor.dmy())
        cursor.take(5)  # flags of the fiscal memory, serial number: no identity on FN devices
        return cls(
            firmware=".".join(version),
            build=build,
            document_number=document_number,
            flags=flags,
            mode=mode,
            sub_mode=sub_mode,
            clock=clock,
            last_closed_shift=cursor.number(2),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FnStatus:
    """FF01."""

    phase: int  # 3: fiscal mode
    document: int  # being made at the moment; 0: none
    shift_open: bool
    warnings: int
    last_at: datetime | None  # of the last document; None: there is none
    fn_number: str
    fd_number: int

    @classmethod
    def read(cls, data: bytes) -> "FnStatus":
        cursor = Cursor(data)
        phase, document, _, shift, warnings = cursor.take(5)
        moment = cursor.take(5)
        return cls(
            phase=phase,
            document=document,
            shift_open=shift == 1,
            warnings=warnings,
            last_at=Cursor(moment).ymd_hm() if any(moment) else None,
            fn_number=cursor.ascii(16),
            fd_number=cursor.number(4),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FnShift:
    """FF40. With a closed shift the numbers are those of the last one."""

    open: bool
    number: int
    receipt_number: int

    @classmethod
    def read(cls, data: bytes) -> "FnShift":
        cursor = Cursor(data)
        return cls(open=cursor.number(1) == 1, number=cursor.number(2), receipt_number=cursor.number(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDocument:
    """A document that was made: FF45, FF4A, FF43, FF0B."""

    fd_number: int
    fiscal_sign: int

    @classmethod
    def closed_receipt(cls, data: bytes) -> "MadeDocument":
        """FF45. Raises BadShtrihAnswer for firmware of 2016, which answers the change alone."""
        cursor = Cursor(data)
        cursor.take(5)  # change
        return cls(fd_number=cursor.number(4), fiscal_sign=cursor.number(4))

    @classmethod
    def numbered(cls, data: bytes) -> "MadeDocument":
        """FF4A, FF36: number of the receipt first; FF43, FF0B: number of the shift first."""
        cursor = Cursor(data)
        cursor.take(2)
        return cls(fd_number=cursor.number(4), fiscal_sign=cursor.number(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedDocument:
    """FF0A: what the FN's five-year store tells of a document."""

    code: int  # form code of the FFD
    confirmed: bool
    made_at: datetime
    fd_number: int
    fiscal_sign: int
    operation: int | None = None  # receipts and corrections
    total_kop: int | None = None
    shift_number: int | None = None  # shift reports

    @classmethod
    def read(cls, data: bytes) -> "ArchivedDocument":
        cursor = Cursor(data)
        code, ticket = cursor.number(1), cursor.number(1)
        made_at = cursor.ymd_hm()
        fd_number, sign = cursor.number(4), cursor.number(4)
        operation = total = shift = None
        if code in RECEIPT_FORMS:
            operation, total = cursor.number(1), cursor.number(5)
            if operation not in OPERATIONS:
                raise BadShtrihAnswer(f"FF0A tells of operation {operation}")
        elif code in SHIFT_FORMS:
            shift = cursor.number(2)
        return cls(
            code=code,
            confirmed=ticket == 1,
            made_at=made_at,
            fd_number=fd_number,
            fiscal_sign=sign,
            operation=operation,
            total_kop=total,
            shift_number=shift,
        )


RECEIPT_FORMS = frozenset({3, 4, 31, 41})  # 14h and 15h are those of FF01: 15h = 21 is the state report here
SHIFT_FORMS = frozenset({2, 5})
OPERATIONS = range(1, 5)  # as in tag 1054


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """FF39."""

    flags: int  # bit 1: a message waits to be sent
    queue: int
    first_fd: int | None
    first_at: datetime | None

    @classmethod
    def read(cls, data: bytes) -> "Exchange":
        cursor = Cursor(data)
        flags, _reading, queue, first = (
            cursor.number(1),
            cursor.number(1),
            cursor.number(2),
            cursor.number(4),
        )
        moment = cursor.take(5)
        waits = bool(queue) and bool(first)
        return cls(
            flags=flags,
            queue=queue,
            first_fd=first if waits else None,
            first_at=Cursor(moment).ymd_hm() if waits and any(moment) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FnRegistration:
    """FF09, both forms."""

    registered_at: datetime
    user_inn: str
    registration_number: str
    taxation_mask: int
    work_mode: int
    extra_mode: int  # FFD 1.1 and later
    ofd_inn: str | None

    @classmethod
    def read(cls, data: bytes) -> "FnRegistration":
        cursor = Cursor(data)
        registered_at = cursor.ymd_hm()
        inn, number = cursor.ascii(12), cursor.ascii(20)
        taxation, mode = cursor.number(1), cursor.number(1)
        new_form = len(data) >= NEW_REGISTRATION_BYTES
        extra = cursor.number(1) if new_form else 0
        return cls(
            registered_at=registered_at,
            user_inn=inn,
            registration_number=number,
            taxation_mask=taxation,
            work_mode=mode,
            extra_mode=extra,
            ofd_inn=cursor.ascii(12) if new_form else None,
        )


NEW_REGISTRATION_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceModel:
    """FCh: what the device calls itself."""

    model: int
    name: str

    @classmethod
    def read(cls, data: bytes) -> "DeviceModel":
        cursor = Cursor(data)
        cursor.take(4)
        model = cursor.number(1)
        cursor.take(1)
        return cls(model=model, name=plain(cursor.rest()))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkCheck:
    """FF61: what FN and server say of a marking code.

    ``checked`` 0..15: bits of tag 2106 as far as they are known, None when no server answered.
    """

    fn_result: int
    fn_reason: int  # 0 checked, 1 kind not checkable, 2 no key in the FN, 3 AI 91 or 92 wrong, 4 other
    kind: int
    server: int | None  # first byte of the server's part; None: not asked
    reason: int | None  # when ``server`` is 20h: why the FN refused the server's answer
    checked: int | None  # 2106
    tlv: bytes

    @classmethod
    def read(cls, data: bytes) -> "MarkCheck":
        """The server's part is a union by its first byte: 0 2106 and TLV, 20h a reason, FFh no answer."""
        cursor = Cursor(data)
        fn_result, fn_reason, kind, length = cursor.take(4)
        server = reason = checked = None
        tlv = b""
        if length:
            part = Cursor(cursor.take(length))
            server = part.number(1)
            if server == 0:
                checked, tlv = part.number(1), part.rest()
            elif server == MARK_REFUSED and part.left:
                reason = part.number(1)
        return cls(
            fn_result=fn_result,
            fn_reason=fn_reason,
            kind=kind,
            server=server,
            reason=reason,
            checked=checked,
            tlv=tlv,
        )


MARK_REFUSED = 0x20


def valid_until(data: bytes) -> date:
    """FF03."""
    return Cursor(data).ymd()


def number_behind_operator(data: bytes, size: int) -> int:
    """1Ah, 1Bh, 89h: operator, then the number."""
    cursor = Cursor(data)
    cursor.take(1)
    return cursor.number(size)


def document_head(data: bytes) -> tuple[int, int]:
    """FF3A: form code and length of the TLV that FF3B gives in pieces."""
    cursor = Cursor(data)
    return cursor.number(2), cursor.number(2)


def message_size(data: bytes) -> tuple[int, int]:
    """FF30: bytes that wait for the operator, and the most that one FF31 may ask for."""
    cursor = Cursor(data)
    return cursor.number(2), cursor.number(1)
