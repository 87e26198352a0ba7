"""The container of one document: what the FN builds, signs and numbers, and what the operator answers with.

A real register hands out finished containers; for them this module only reads. Containers are built here for
the virtual FN and for the operator emulator alone: their signs are made up and no real operator takes them.

Offsets (docs/reference/ofd-protocol.md, Container): length, check code, type, document code, format version,
service data 1 (2), FN number (8, BCD), document number (3, big endian), service data 2 (10), clear length
(2, big endian), document, trailer (0 or 10). The check code covers everything but itself.
"""

from binascii import crc_hqx
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from struct import Struct

from kkt_adapter.fiscal.ffd.limits import MAX_DOCUMENT_BYTES

HEADER_BYTES = 32
TRAILER_BYTES = 10
MAX_BODY_BYTES = MAX_DOCUMENT_BYTES + HEADER_BYTES + TRAILER_BYTES  # whether 32 KiB bounds this: unconfirmed
MAX_HEADER_NUMBER = 0xFFFFFF  # 24 bits; tag 1040 has 32
FN_NUMBER_DIGITS = 16

FORMAT_VERSION = 0x01
SERVICE_DATA_1 = b"\x10\x09"  # in every captured message; meaning unconfirmed
SERVICE_DATA_2_BYTES = 10
SIGN_BYTES = 6

_LAYOUT = Struct("<HHBBB2s8s3s10s")  # up to the clear length, which alone is big endian
_CLEAR_LENGTH = Struct(">H")
_TLV_HEAD = Struct("<HH")


class ContainerType(IntEnum):
    TO_OPERATOR = 0xA5
    TO_REGISTER = 0x5A


_TRAILER_PREFIX = {ContainerType.TO_OPERATOR: b"\x81\x06", ContainerType.TO_REGISTER: b"\x82\x06"}


class Reason(StrEnum):
    """Why bytes are no message, or no answer to ours. Stable: logs and metrics carry it."""

    BAD_SIGNATURE = "bad_signature"  # not the OFD protocol at all
    BAD_VERSION = "bad_version"  # unknown version of the session level
    BAD_FLAGS = "bad_flags"  # forbidden combination of bits
    BAD_SIZE = "bad_size"  # cut, or longer than it says
    TOO_LARGE = "too_large"  # over 32 KiB
    BAD_CHECK_CODE = "bad_check_code"  # of the session header
    BAD_CRC = "bad_crc"  # of the container
    BAD_TYPE = "bad_type"  # container type or document code is not what belongs here
    BAD_FN = "bad_fn"  # not an FN number
    BAD_NUMBER = "bad_number"  # a document number that does not fit
    BAD_DOCUMENT = "bad_document"  # the TLV is broken or lacks what it must have
    WRONG_FN = "wrong_fn"  # about another FN
    WRONG_NUMBER = "wrong_number"  # about another document
    EMPTY = "empty"  # an answer without a body: "nothing for you"


class FrameError(ValueError):
    """Bytes that are not what they should be, or values that fit into no frame."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """All fields of a container except its length and check code, which follow from the rest."""

    type: ContainerType
    code: int  # document code, 7 in answers
    fn_number: str  # up to 16 digits
    number_field: bytes  # 3 bytes; a test operator puts text there, so look at 1040 first
    service_data_2: bytes  # 10 bytes, opaque
    clear_length: int  # length of the document by its maker
    document: bytes  # the TLV element of the document with its 4-byte head; encrypted: opaque
    trailer: bytes = b""
    service_data_1: bytes = SERVICE_DATA_1
    format_version: int = FORMAT_VERSION

    @property
    def header_number(self) -> int:
        """The 24-bit document number; only a cross-check for 1040."""
        return int.from_bytes(self.number_field, "big")

    @property
    def is_clear(self) -> bool:
        """Whether the document is readable TLV of this code (encryption, tag 1056, leaves noise)."""
        return len(self.document) >= _TLV_HEAD.size and _TLV_HEAD.unpack_from(self.document) == (
            self.code,
            len(self.document) - _TLV_HEAD.size,
        )


_CRC_START = 0xFFFF


def crc(data: bytes, start: int = _CRC_START) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, not reflected, no final xor; "123456789" gives 0x29b1."""
    return crc_hqx(data, start)


def container_crc(data: bytes) -> int:
    """Check code of a whole container; bytes 2 and 3 are skipped, not zeroed."""
    return crc(data[4:], crc(data[:2]))


def trailer(kind: ContainerType, sign: bytes) -> bytes:
    """The message sign (6 bytes, cryptographic in a real FN) in its frame."""
    if len(sign) != SIGN_BYTES:
        raise FrameError(Reason.BAD_SIZE, f"message sign of {len(sign)} bytes, expected {SIGN_BYTES}")
    return _TRAILER_PREFIX[kind] + sign + b"\0\0"


def number_field(fd_number: int) -> bytes:
    if not 0 < fd_number <= MAX_HEADER_NUMBER:
        raise FrameError(Reason.BAD_NUMBER, f"document number {fd_number} does not fit into 24 bits")
    return fd_number.to_bytes(3, "big")


def service_data(nonce: bytes, fd_number: int) -> bytes:
    """Ten bytes in the shape of the captures: 5 of the FN's own, the number, 00 04. Meaning unconfirmed."""
    return nonce + number_field(fd_number) + b"\x00\x04"


def container_bytes(container: Container) -> bytes:
    """Raises FrameError when a field does not fit or the whole is over the limit."""
    if len(container.service_data_1) != 2 or len(container.number_field) != 3:
        raise FrameError(Reason.BAD_SIZE, "service data or number field of the wrong length")
    return packed(
        container.type,
        container.code,
        container.format_version,
        container.service_data_1,
        bcd(container.fn_number),
        container.number_field,
        container.service_data_2,
        container.clear_length,
        container.document,
        container.trailer,
    )


def packed(
    kind: ContainerType,
    code: int,
    version: int,
    service_data_1: bytes,
    fn_bcd: bytes,
    number: bytes,
    service_data_2: bytes,
    clear_length: int,
    document: bytes,
    end: bytes,
) -> bytes:
    """A container of its fields in their order.

    Raises:
        FrameError: over the limit, or service data 2 of another length than 10.
    """
    length = HEADER_BYTES + len(document) + len(end)
    if length > MAX_BODY_BYTES:
        raise FrameError(Reason.TOO_LARGE, f"container of {length} bytes, at most {MAX_BODY_BYTES} allowed")
    if len(service_data_2) != SERVICE_DATA_2_BYTES:
        raise FrameError(Reason.BAD_SIZE, "service data of the wrong length")
    head = _LAYOUT.pack(
        length, 0, kind, code, version, service_data_1, fn_bcd, number, service_data_2
    ) + _CLEAR_LENGTH.pack(clear_length)
    check = crc_hqx(end, crc_hqx(document, crc_hqx(head[4:], crc_hqx(head[:2], _CRC_START))))
    return b"".join((head[:2], check.to_bytes(2, "little"), head[4:], document, end))


def parse_container(data: bytes) -> Container:
    """Reads and checks length, check code, type and FN digits; says nothing about the document's contents.

    Raises:
        FrameError: bad_size, too_large, bad_crc, bad_type, bad_fn.
    """
    if len(data) > MAX_BODY_BYTES:
        raise FrameError(Reason.TOO_LARGE, f"container of {len(data)} bytes, at most {MAX_BODY_BYTES}")
    if len(data) < HEADER_BYTES:
        raise FrameError(Reason.BAD_SIZE, f"container of {len(data)} bytes, at least {HEADER_BYTES} expected")
    length, check, kind, code, version, service_1, fn_bcd, number, service_2 = _LAYOUT.unpack_from(data)
    if length != len(data):
        raise FrameError(Reason.BAD_SIZE, f"container says {length} bytes, there are {len(data)}")
    if check != container_crc(data):
        raise FrameError(Reason.BAD_CRC, f"container says {check:#06x}, computed {container_crc(data):#06x}")
    if kind not in _TRAILER_PREFIX:
        raise FrameError(Reason.BAD_TYPE, f"container type {kind:#04x}")
    (clear_length,) = _CLEAR_LENGTH.unpack_from(data, _LAYOUT.size)
    size = _document_size(data[HEADER_BYTES:], clear_length)
    return Container(
        type=ContainerType(kind),
        code=code,
        format_version=version,
        service_data_1=service_1,
        fn_number=from_bcd(fn_bcd),
        number_field=number,
        service_data_2=service_2,
        clear_length=clear_length,
        document=data[HEADER_BYTES : HEADER_BYTES + size],
        trailer=data[HEADER_BYTES + size :],
    )


def _document_size(rest: bytes, clear_length: int) -> int:
    """Where the document ends and the trailer begins.

    The clear length decides when it can be true. A test operator leaves text in that field: then the TLV head
    of the document decides. Where both fail the content is opaque and the trailer is known by its frame.
    """
    if clear_length <= len(rest):
        return clear_length
    if len(rest) >= _TLV_HEAD.size:
        announced = _TLV_HEAD.size + int(_TLV_HEAD.unpack_from(rest)[1])
        if announced <= len(rest):
            return announced
    tail = rest[-TRAILER_BYTES:]
    framed = len(tail) == TRAILER_BYTES and tail[:2] in _TRAILER_PREFIX.values() and tail[-2:] == b"\0\0"
    return len(rest) - TRAILER_BYTES if framed else len(rest)


def bcd(fn_number: str) -> bytes:
    """Two digits a byte, 8 bytes; short numbers are filled with nibbles f."""
    if not (fn_number.isascii() and fn_number.isdigit() and len(fn_number) <= FN_NUMBER_DIGITS):
        raise FrameError(Reason.BAD_FN, f"FN number {fn_number!r} is not 1..16 digits")
    return bytes.fromhex(fn_number.ljust(FN_NUMBER_DIGITS, "f"))


def from_bcd(data: bytes) -> str:
    number = data.hex().rstrip("f")
    if not number.isdigit():
        raise FrameError(Reason.BAD_FN, f"FN number {data.hex()} is not BCD")
    return number
