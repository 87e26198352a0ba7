"""The operator's confirmation, and a quick way to read the usual one.

Nearly every answer has the same shape. ``usual_confirmation`` reads that shape without an object for each
part of it, in a seventh of the time; whatever differs in the least is left to ``frame``, which also says
what is wrong with it.

Source: docs/reference/ofd-protocol.md, section Answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from struct import Struct

from kkt_adapter.fiscal.ofd.container import HEADER_BYTES as CONTAINER_HEADER_BYTES
from kkt_adapter.fiscal.ofd.container import MAX_BODY_BYTES, ContainerType, container_crc
from kkt_adapter.fiscal.ofd.session import HEADER_BYTES, S_VERSIONS, SIGNATURE
from kkt_adapter.kernel.quick import quickly_made

CONFIRMATION = 7  # document code
FN_DIGITS = 16

_SESSION = Struct("<4s2s2s16sHHH")
_CONTAINER = Struct("<HHBBB2s8s3s10s")
_CLEAR_LENGTH_AT = _CONTAINER.size  # big endian, two bytes
_TLV_HEAD = Struct("<HH")
_FLAGS = 0x0033  # check mode, and whether an answer is wanted
_USUAL_FLAGS = frozenset({0x0000, 0x0010})  # no check code
_KINDS = frozenset(int(kind) for kind in ContainerType)
_TAGS = frozenset({1012, 1017, 1022, 1040, 1041, 1068, 1078})
_RESPONSE_HEAD = _TLV_HEAD.pack(1022, 1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clock, no zone


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What an accepted answer says. A ``response_code`` other than 0 still is a confirmation."""

    fn_number: str  # 1041
    fd_number: int  # 1040
    response_code: int | None  # 1022: 0 accepted, 11, 14 ...; None when the answer carries none
    ofd_inn: str | None  # 1017
    operator_sign: str | None  # 1078, hex
    replied_at: datetime | None  # 1012, wall clock


def usual_confirmation(reply: bytes, *, fn_number: str, fd_number: int) -> Confirmation | None:
    """The confirmation of this document when it has the usual shape: no check code of the session, a clear
    document, every known tag at most once and no other, values of the right size. None: anything else."""
    body = _usual_container(reply, fn_number)
    if body is None:
        return None
    found = _usual_elements(body)
    if found is None or found.get(1041) != fn_number.encode() or _number(found.get(1040)) != fd_number:
        return None
    response = _response(found)
    inn, told = found.get(1017, b""), found.get(1012)
    if response is None or not inn.isascii() or (told is not None and len(told) != 4):
        return None
    sign = found.get(1078)
    return Confirmation(
        fn_number=fn_number,
        fd_number=fd_number,
        response_code=response[0] if response else None,
        ofd_inn=inn.rstrip(b" ").decode() if 1017 in found else None,
        operator_sign=None if sign is None else sign.hex(),
        replied_at=None if told is None else _EPOCH + timedelta(seconds=int.from_bytes(told, "little")),
    )


def _usual_container(reply: bytes, fn_number: str) -> bytes | None:
    """What follows the session header, when both headers are as usual, right, and about this FN."""
    size = len(reply) - HEADER_BYTES
    if not CONTAINER_HEADER_BYTES <= size <= MAX_BODY_BYTES:
        return None
    signature, s_version, _, name, body_size, flags, _ = _SESSION.unpack_from(reply)
    if signature != SIGNATURE or s_version not in S_VERSIONS or not name.isascii():
        return None
    if flags & _FLAGS not in _USUAL_FLAGS or body_size != size:
        return None
    body = reply[HEADER_BYTES:]
    length, check, kind, code, _, _, fn_bcd, _, _ = _CONTAINER.unpack_from(body)
    if length != size or kind not in _KINDS or code != CONFIRMATION or check != container_crc(body):
        return None
    about_us = fn_bcd.hex() == fn_number and fn_number.isdigit() and len(fn_number) == FN_DIGITS
    return body if about_us else None


def _usual_elements(body: bytes) -> dict[int, bytes] | None:
    """The elements of the confirmation by tag; None when it is not clear, broken, or holds others."""
    at = CONTAINER_HEADER_BYTES
    end = at + int.from_bytes(body[_CLEAR_LENGTH_AT:at], "big")
    if end > len(body) or end - at < _TLV_HEAD.size:
        return None
    if _TLV_HEAD.unpack_from(body, at) != (CONFIRMATION, end - at - _TLV_HEAD.size):
        return None
    at += _TLV_HEAD.size
    found: dict[int, bytes] = {}
    while at + _TLV_HEAD.size <= end:
        tag, length = _TLV_HEAD.unpack_from(body, at)
        at += _TLV_HEAD.size
        if at + length > end or tag not in _TAGS or tag in found:
            return None
        found[tag] = body[at : at + length]
        at += length
    return found if at == end else None


def _number(raw: bytes | None) -> int | None:
    return None if raw is None or len(raw) != 4 else int.from_bytes(raw, "little")


def _response(found: dict[int, bytes]) -> bytes | None:
    """The response code as one byte, nothing when there is none; None when it stands in an unusual way."""
    at_top, within = found.get(1022), found.get(1068, b"")
    if at_top is not None:
        return at_top if len(at_top) == 1 and 1068 not in found else None
    if not within:
        return b""
    return within[-1:] if len(within) == 5 and within[:4] == _RESPONSE_HEAD else None
