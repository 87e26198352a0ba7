"""The session header: 30 bytes in front of every message, saying who writes and how many bytes follow.

Source: docs/reference/ofd-protocol.md, section Session header.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.fiscal.ofd.container import FN_NUMBER_DIGITS, MAX_BODY_BYTES, FrameError, Reason, crc

HEADER_BYTES = 30
SIGNATURE = b"\x2a\x08\x41\x0a"
S_VERSION = b"\x81\xa2"  # session level 1.1
S_VERSIONS = frozenset({S_VERSION, b"\x82\xfb"})  # the second: test messages, use unconfirmed
DEFAULT_FLAGS = 0x0014  # no check code, container, answer expected: in every captured message

P_VERSIONS = {FfdVersion.V1_05: b"\x01\x05", FfdVersion.V1_1: b"\x01\x10", FfdVersion.V1_2: b"\x01\x20"}
_FFD_OF_P = {version: ffd for ffd, version in P_VERSIONS.items()} | {
    b"\x01\x01": FfdVersion.V1_1,  # what some Shtrih firmware writes for 1.1 and 1.2
    b"\x01\x02": FfdVersion.V1_2,
}

_MODE_BITS, _CONTAINER_BIT = 0x0003, 0x0004
_ANSWER_BITS, _ANSWER_WANTED = 0x0030, 0x0010
_LAYOUT = Struct("<4s2s2s16sHHH")
_CHECKED_BYTES = 28  # the check code stands behind them
_CHECK = Struct("<H")


class CheckMode(IntEnum):
    """What the check code of the session header covers (flag bits 0-1; 3 is forbidden)."""

    NONE = 0
    HEADER = 1
    HEADER_AND_BODY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHeader:
    fn_number: str
    body_size: int  # bytes; 0: service message or "nothing for you"
    p_version: bytes
    s_version: bytes = S_VERSION
    flags: int = DEFAULT_FLAGS
    check_code: int = 0  # as received; computed anew by ``message_bytes``

    @property
    def check_mode(self) -> CheckMode:
        return CheckMode(self.flags & _MODE_BITS)

    @property
    def has_container(self) -> bool:
        return bool(self.flags & _CONTAINER_BIT)

    @property
    def wants_answer(self) -> bool:
        return self.flags & _ANSWER_BITS == _ANSWER_WANTED

    @property
    def priority(self) -> int:
        """0 is normal."""
        return self.flags >> 6 & 3

    @property
    def ffd_version(self) -> FfdVersion | None:
        """None for FFD 1.0 and for versions younger than this code; a pump lets both pass."""
        return _FFD_OF_P.get(self.p_version)


def header_bytes(header: SessionHeader, body: bytes) -> bytes:
    """The 30 bytes before ``body``; size and check code come from it, not from the fields."""
    fn_number = header.fn_number
    if not (fn_number.isascii() and len(fn_number) <= FN_NUMBER_DIGITS):
        raise FrameError(Reason.BAD_FN, f"FN number {fn_number!r} is not up to {FN_NUMBER_DIGITS} digits")
    if len(body) > MAX_BODY_BYTES:
        raise FrameError(Reason.TOO_LARGE, f"body of {len(body)} bytes, at most {MAX_BODY_BYTES} allowed")
    data = _LAYOUT.pack(
        SIGNATURE,
        header.s_version,
        header.p_version,
        fn_number.encode("ascii").ljust(FN_NUMBER_DIGITS, b" "),
        len(body),
        header.flags,
        0,
    )
    return data[:_CHECKED_BYTES] + _CHECK.pack(expected_check_code(header.check_mode, data, body))


def expected_check_code(mode: CheckMode, head: bytes, body: bytes) -> int:
    match mode:
        case CheckMode.NONE:
            return 0
        case CheckMode.HEADER:
            return crc(head[:_CHECKED_BYTES])
        case CheckMode.HEADER_AND_BODY:
            return crc(body, crc(head[:_CHECKED_BYTES]))


def parse_header(data: bytes) -> SessionHeader:
    """The first 30 bytes of a message. A check code over the header alone is verified here.

    Reserved bits and unknown P versions pass: a pump must not stop what only younger ends understand.

    Raises:
        FrameError: bad_size, bad_signature, bad_version, bad_flags, bad_fn, too_large, bad_check_code.
    """
    if len(data) != HEADER_BYTES:
        raise FrameError(Reason.BAD_SIZE, f"session header of {len(data)} bytes, expected {HEADER_BYTES}")
    signature, s_version, p_version, fn_number, body_size, flags, check_code = _LAYOUT.unpack(data)
    if signature != SIGNATURE:
        raise FrameError(Reason.BAD_SIGNATURE, signature.hex())
    if s_version not in S_VERSIONS:
        raise FrameError(Reason.BAD_VERSION, f"session version {s_version.hex()}")
    if flags & _MODE_BITS == _MODE_BITS or flags & _ANSWER_BITS not in (0, _ANSWER_WANTED):
        raise FrameError(Reason.BAD_FLAGS, f"{flags:#06x}")
    if not fn_number.isascii():
        raise FrameError(Reason.BAD_FN, f"FN number {fn_number.hex()} in the session header")
    if body_size > MAX_BODY_BYTES:
        raise FrameError(Reason.TOO_LARGE, f"body of {body_size} bytes, at most {MAX_BODY_BYTES} allowed")
    header = SessionHeader(
        fn_number=fn_number.decode("ascii").rstrip(" "),
        body_size=body_size,
        p_version=p_version,
        s_version=s_version,
        flags=flags,
        check_code=check_code,
    )
    if header.check_mode is CheckMode.HEADER:
        verify_check_code(header, data, b"")
    return header


def repair_version(message: bytes) -> bytes:
    """Some Shtrih firmware writes 01 01 and 01 02 where 01 10 (FFD 1.1) and 01 20 (1.2) belong.

    The byte is put right unless a check code protects the header; everything else passes untouched.
    """
    wanted = {b"\x01\x01": b"\x01\x10", b"\x01\x02": b"\x01\x20"}.get(message[6:8])
    if wanted is None or message[_CHECKED_BYTES:HEADER_BYTES] != b"\0\0":
        return message
    return message[:6] + wanted + message[8:]


def verify_check_code(header: SessionHeader, head: bytes, body: bytes) -> None:
    computed = expected_check_code(header.check_mode, head, body)
    if header.check_code != computed:
        raise FrameError(
            Reason.BAD_CHECK_CODE, f"header says {header.check_code:#06x}, computed {computed:#06x}"
        )
