"""The TLV codec of fiscal documents: element = tag uint16 LE, length uint16 LE, value.

Two ways to write. ``encode`` takes (tag, value) pairs, knows every tag's type and checks types, ranges and
size limits. The building blocks below it (``element``, ``vln``, ``cp866`` ...) know nothing of the dictionary
and are for code that composes receipts by the thousand and has checked its values already.

Reading never fails on content: an unknown tag, or a value that is not of its tag's type, is kept raw with
``value=None``. Only broken structure (an element longer than what is left) is an error.

Source: FNS order ED-7-20/662@ as restated in docs/reference/ofd-protocol.md, section TLV.
"""

import codecs
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from struct import Struct
from struct import error as StructError  # noqa: N812 - the module gives it a lower-case name
from typing import NamedTuple, TypeAlias

from kkt_adapter.fiscal.ffd.tags import Tag, TagType, registry

MAX_DEPTH = 10  # levels of nesting; a document in an archive needs 6, more is an attack on the stack
MAX_VLN_BYTES = 8
QUANTITY_DECIMALS = 6

_CP866 = codecs.charmap_build(bytes(range(256)).decode("cp866"))  # ten times as fast as encode("cp866")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clock, no zone by definition of the type
_SECOND = timedelta(seconds=1)
_HEAD = Struct("<HH")
_U32_LE = Struct("<I")
_SIGN = Struct(">2sI")
_SIGN_PREFIX = b"\x21\x04"  # seen in every captured 1077
_REUSED = frozenset({1115, 1119})  # strings in FFD 1.0, nested elements since 2025


class Fvln(NamedTuple):
    """A number with a decimal point: ``value`` / 10 ** ``decimals``."""

    value: int  # 0..2^64-1
    decimals: int  # 0..255


Value: TypeAlias = str | int | bytes | datetime | Fvln | Sequence["Field"]
"""What a tag carries: STRING str; UINT*, BITS*, VLN int; UNIXTIME naive datetime; FVLN Fvln; BYTES bytes;
STLV a list of fields. A tag the dictionary does not know takes bytes."""

Field: TypeAlias = tuple[int, Value]


class TlvError(ValueError):
    """A value that cannot be written, or bytes that are not TLV. ``tag`` names the culprit where known."""

    def __init__(self, reason: str, *, tag: int | None = None) -> None:
        super().__init__(reason if tag is None else f"tag {tag}: {reason}")
        self.reason = reason
        self.tag = tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element as read."""

    tag: int
    raw: bytes  # the payload, without tag and length
    value: Value | None = None  # None: nested (see children), unknown, or not of the tag's type
    children: tuple["Element", ...] = ()

    def child(self, tag: int) -> "Element | None":
        """The first direct child with that tag."""
        return first(self.children, tag)


def element(tag: int, payload: bytes) -> bytes:
    try:
        return _HEAD.pack(tag, len(payload)) + payload
    except StructError as error:
        raise TlvError(f"{len(payload)} bytes do not fit into one element", tag=tag) from error


def vln(value: int) -> bytes:
    """Shortest form; 0 is one zero byte."""
    try:
        return value.to_bytes((value.bit_length() + 7) >> 3 or 1, "little")
    except OverflowError as error:
        raise TlvError("negative number") from error


def fvln(value: int, decimals: int) -> bytes:
    if not 0 <= decimals <= 255:
        raise TlvError(f"{decimals} decimals do not fit into one byte")
    return bytes((decimals,)) + vln(value)


def cp866(text: str) -> bytes:
    try:
        return codecs.charmap_encode(text, "strict", _CP866)[0]
    except UnicodeEncodeError as error:
        raise TlvError(f"character {text[error.start]!r} is not in CP866") from error


def padded(text: str, size: int) -> bytes:
    """CP866, filled with spaces on the right to exactly ``size`` bytes."""
    data = cp866(text)
    if len(data) > size:
        raise TlvError(f"{len(data)} bytes, at most {size} allowed")
    return data.ljust(size, b" ")


def unixtime(moment: datetime) -> bytes:
    """Naive wall clock, 1970..2106, written as if it were UTC; parts of a second are cut off."""
    try:
        return _U32_LE.pack((moment - _EPOCH) // _SECOND)
    except TypeError as error:
        raise TlvError("wall clock expected, got a time with a zone") from error
    except StructError as error:
        raise TlvError(f"time {moment.isoformat()} is out of range") from error


def fiscal_sign_bytes(sign: int) -> bytes:
    """Tag 1077: two leading bytes 21 04, then the sign as uint32 big endian."""
    try:
        return _SIGN.pack(_SIGN_PREFIX, sign)
    except StructError as error:
        raise TlvError(f"fiscal sign {sign} is not 0..2^32-1", tag=1077) from error


def fiscal_sign(raw: bytes) -> int:
    """The printed number of a 1077 payload; the two leading bytes are not looked at."""
    if len(raw) != _SIGN.size:
        raise TlvError(f"fiscal sign of {len(raw)} bytes, expected {_SIGN.size}", tag=1077)
    return int.from_bytes(raw[2:], "big")


def quantity_fvln(millionths: int) -> Fvln:
    """Shortest form: trailing zeros after the point are dropped (1 is 1, 0.250 becomes 25 / 10^2).

    Registers are free to keep zeros (250 / 10^3 is the same quantity); readers take both.
    """
    if millionths <= 0:
        return Fvln(_not_negative(millionths), 0)
    decimals = QUANTITY_DECIMALS
    while decimals and millionths % 10 == 0:
        millionths //= 10
        decimals -= 1
    return Fvln(millionths, decimals)


def quantity_millionths(quantity: Fvln) -> int:
    """Back to millionths. Raises TlvError when the number is finer than that."""
    extra = quantity.decimals - QUANTITY_DECIMALS
    scale: int = 10 ** abs(extra)
    if extra <= 0:
        return quantity.value * scale
    millionths, rest = divmod(quantity.value, scale)
    if rest:
        raise TlvError(f"{quantity.value} / 10^{quantity.decimals} is finer than a millionth")
    return millionths


def encode(fields: Iterable[Field]) -> bytes:
    """Elements one after the other, each by its tag's type.

    Raises:
        TlvError: wrong type, out of range, too long; ``tag`` says where.
    """
    return b"".join([_encode_one(tag, value) for tag, value in fields])


def decode(data: bytes) -> list[Element]:
    """All elements of ``data``, nested ones too.

    Raises:
        TlvError: an element is cut, or nesting is deeper than ``MAX_DEPTH``.
    """
    return _decode(data, MAX_DEPTH)


def first(elements: Iterable[Element], tag: int) -> Element | None:
    return next((e for e in elements if e.tag == tag), None)


def _not_negative(value: int) -> int:
    if value < 0:
        raise TlvError("negative number")
    return value


def _encode_one(number: int, value: Value) -> bytes:
    tag = registry().get(number)
    try:
        if tag is None:
            return element(number, _raw(value))
        payload = _ENCODERS[tag.type](value, tag)
        _check_size(payload, tag)
        return element(number, payload)
    except TlvError as error:
        if error.tag is not None:
            raise
        raise TlvError(error.reason, tag=number) from error


def _check_size(payload: bytes, tag: Tag) -> None:
    if tag.size is None:
        return
    if len(payload) > tag.size:
        raise TlvError(f"{len(payload)} bytes, at most {tag.size} allowed")
    if tag.fixed and len(payload) != tag.size:
        raise TlvError(f"{len(payload)} bytes, exactly {tag.size} expected")


def _raw(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise TlvError(f"bytes expected, got {type(value).__name__}")
    return value


def _string(value: Value, tag: Tag) -> bytes:
    if not isinstance(value, str):
        raise TlvError(f"text expected, got {type(value).__name__}")
    return padded(value, tag.size) if tag.fixed and tag.size is not None else cp866(value)


def _integer(value: Value) -> int:
    if not isinstance(value, int):
        raise TlvError(f"whole number expected, got {type(value).__name__}")
    return value


def _uint(size: int) -> Callable[[Value, Tag], bytes]:
    def write(value: Value, _tag: Tag) -> bytes:
        number = _integer(value)
        try:
            return number.to_bytes(size, "little")
        except OverflowError as error:
            raise TlvError(f"{number} is not 0..2^{size * 8}-1") from error

    return write


def _moment(value: Value, _tag: Tag) -> bytes:
    if not isinstance(value, datetime):
        raise TlvError(f"date and time expected, got {type(value).__name__}")
    return unixtime(value)


def _number(value: Value, _tag: Tag) -> bytes:
    data = vln(_integer(value))
    if len(data) > MAX_VLN_BYTES:
        raise TlvError(f"{len(data)} bytes, at most {MAX_VLN_BYTES} allowed")
    return data


def _decimal(value: Value, _tag: Tag) -> bytes:
    if not isinstance(value, Fvln):
        raise TlvError(f"number with decimals expected, got {type(value).__name__}")
    return fvln(value.value, value.decimals)


def _nested(value: Value, _tag: Tag) -> bytes:
    if not isinstance(value, (list, tuple)) or isinstance(value, Fvln):
        raise TlvError(f"list of fields expected, got {type(value).__name__}")
    return encode(value)


_ENCODERS: dict[TagType, Callable[[Value, Tag], bytes]] = {
    TagType.STRING: _string,
    TagType.UINT8: _uint(1),
    TagType.UINT16: _uint(2),
    TagType.UINT32: _uint(4),
    TagType.BITS8: _uint(1),
    TagType.BITS32: _uint(4),
    TagType.UNIXTIME: _moment,
    TagType.VLN: _number,
    TagType.FVLN: _decimal,
    TagType.STLV: _nested,
    TagType.BYTES: lambda value, _tag: _raw(value),
}

_UINT_SIZE = {TagType.UINT8: 1, TagType.UINT16: 2, TagType.UINT32: 4, TagType.BITS8: 1, TagType.BITS32: 4}


def _decode(data: bytes, depth: int) -> list[Element]:
    if depth == 0:
        raise TlvError(f"elements nested deeper than {MAX_DEPTH} levels")
    elements = []
    position, end = 0, len(data)
    while position < end:
        if end - position < _HEAD.size:
            raise TlvError(f"{end - position} bytes left where an element should begin")
        number, length = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        if length > end - position:
            raise TlvError(f"cut: {length} bytes announced, {end - position} left", tag=number)
        elements.append(_decode_one(number, data[position : position + length], depth))
        position += length
    return elements


def _decode_one(number: int, raw: bytes, depth: int) -> Element:
    tag = registry().get(number)
    if tag is None:
        return Element(tag=number, raw=raw)
    if tag.type is not TagType.STLV:
        return Element(tag=number, raw=raw, value=_read(raw, tag))
    try:
        return Element(tag=number, raw=raw, children=tuple(_decode(raw, depth - 1)))
    except TlvError:
        if number in _REUSED:
            return Element(tag=number, raw=raw)
        raise


def _read(raw: bytes, tag: Tag) -> Value | None:
    """The value, or None when the payload is not of the tag's type."""
    match tag.type:
        case TagType.STRING:
            text = raw.decode("cp866")
            return text.rstrip(" ") if tag.fixed else text
        case TagType.UNIXTIME:
            return _EPOCH + timedelta(seconds=_U32_LE.unpack(raw)[0]) if len(raw) == 4 else None
        case TagType.VLN:
            return _read_vln(raw)
        case TagType.FVLN:
            value = _read_vln(raw[1:])
            return None if value is None else Fvln(value, raw[0])
        case TagType.BYTES:
            return raw
        case _:
            return int.from_bytes(raw, "little") if len(raw) == _UINT_SIZE[tag.type] else None


def _read_vln(raw: bytes) -> int | None:
    """Redundant high zero bytes are fine; nothing at all, or more than 64 bits, is not a number."""
    if not raw or len(raw.rstrip(b"\0")) > MAX_VLN_BYTES:
        return None
    return int.from_bytes(raw, "little")
