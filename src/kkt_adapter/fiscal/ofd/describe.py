"""Fiscal bytes made readable: for the command line, the dashboard and people with a hex dump.

    described = describe(data)        # a whole message, a container or bare TLV; the bytes tell which
    described.json()                  # {"receipt": {"totalSum": 35050, "items": [...], ...}}
    described.envelope()              # what stands around the document: header and container fields
    for node in described.nodes: ...  # the same tree with tag numbers and names in both languages

JSON has the names operators and the tax service use. Sums are whole kopecks, times ISO 8601 wall clock, the
fiscal sign a decimal number, quantities numbers, byte strings hex. Tags that may repeat are always lists. An
unknown tag stands under its number in hex; a known one that cannot be read is ``{"raw": hex}``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from kkt_adapter.fiscal.ffd.meanings import meaning
from kkt_adapter.fiscal.ffd.tags import Tag, TagType, find
from kkt_adapter.fiscal.ffd.tlv import Element, Fvln, TlvError, decode, fiscal_sign
from kkt_adapter.fiscal.ofd.container import HEADER_BYTES as CONTAINER_HEADER_BYTES
from kkt_adapter.fiscal.ofd.container import Container, ContainerType, parse_container
from kkt_adapter.fiscal.ofd.frame import parse_message
from kkt_adapter.fiscal.ofd.session import SIGNATURE, SessionHeader
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import rubles

FfdJson: TypeAlias = dict[str, Any]
"""A document in JSON under the names of its tags, as the format publishes them; which there are, the document
says. Only str, int, float, bool, dict and list inside."""

_FISCAL_SIGN = 1077
_NOT_MONEY = frozenset({1293, 1294})  # numerator and denominator: the only VLN that are no kopecks


class DescribedShape(StrEnum):
    """What the bytes turned out to be."""

    MESSAGE = "message"
    CONTAINER = "container"
    TLV = "tlv"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedElement:
    """One element for display."""

    tag: int
    name_en: str  # "" when the dictionary does not know the tag
    name_ru: str
    key: str  # JSON key: published name, ours, or the number as text
    value: Any  # as in JSON; for nested elements None
    meaning: Text | None  # what a coded value stands for: 1054 with 2 is "return of income"
    text: str  # for people: rubles and kopecks, "2025-01-15 09:00", digits, hex; "" for nested elements
    raw: bytes
    repeats: bool
    children: tuple["DescribedElement", ...] = ()
    nested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    shape: DescribedShape
    nodes: tuple[DescribedElement, ...]  # empty when there is no document, or an encrypted one
    header: SessionHeader | None = None
    container: Container | None = None
    opaque: bytes = b""  # the document, when it is not clear text

    def json(self) -> FfdJson:
        """The document as operators show it."""
        return {"encrypted": self.opaque.hex()} if self.opaque else _json(self.nodes)

    def envelope(self) -> FfdJson:
        """Session header and container as plain facts; empty for bare TLV."""
        facts: FfdJson = {}
        if self.header:
            facts["session"] = _session_facts(self.header)
        if self.container:
            facts["container"] = _container_facts(self.container)
        return facts


def describe(data: bytes) -> Described:
    """Everything these bytes say.

    Raises:
        FrameError: a message or container that is broken; ``reason`` says how.
        TlvError: broken TLV.
    """
    if data.startswith(SIGNATURE):
        message = parse_message(data)
        return _described(DescribedShape.MESSAGE, message.container, message.header)
    if _looks_like_container(data):
        return _described(DescribedShape.CONTAINER, parse_container(data), None)
    return Described(shape=DescribedShape.TLV, nodes=nodes(decode(data)))


def nodes(elements: Iterable[Element]) -> tuple[DescribedElement, ...]:
    return tuple(_node(e) for e in elements)


def document_json(elements: Iterable[Element]) -> FfdJson:
    """Decoded elements as operators show them."""
    return _json(nodes(elements))


def _described(shape: DescribedShape, container: Container | None, header: SessionHeader | None) -> Described:
    if container is None:
        return Described(shape=shape, nodes=(), header=header)
    if not container.is_clear:
        opaque = container.document
        return Described(shape=shape, nodes=(), header=header, container=container, opaque=opaque)
    found = nodes(decode(container.document))
    return Described(shape=shape, nodes=found, header=header, container=container)


def _looks_like_container(data: bytes) -> bool:
    """The length in front is the length there is, and the type is one of the two."""
    return (
        len(data) >= CONTAINER_HEADER_BYTES
        and int.from_bytes(data[:2], "little") == len(data)
        and data[4] in (ContainerType.TO_OPERATOR, ContainerType.TO_REGISTER)
    )


def _node(found: Element) -> DescribedElement:
    tag = find(found.tag)
    nested = tag is not None and tag.type is TagType.STLV and (bool(found.children) or not found.raw)
    value = None if nested else _value(found, tag)
    return DescribedElement(
        tag=found.tag,
        name_en=tag.name_en if tag else "",
        name_ru=tag.name_ru if tag else "",
        key=tag.json_key if tag else str(found.tag),
        value=value,
        meaning=meaning(found.tag, found.value) if isinstance(found.value, int) else None,
        text="" if nested else _text(found, tag, value),
        raw=found.raw,
        repeats=tag.repeats if tag else False,
        children=nodes(found.children),
        nested=nested,
    )


def _value(found: Element, tag: Tag | None) -> Any:
    if tag is None:
        return found.raw.hex()
    match found.value:
        case None:
            return {"raw": found.raw.hex()}
        case datetime():
            return found.value.isoformat()
        case Fvln():
            return _plain_number(_exact(found.value))
        case bytes():
            return _sign(found.raw) if found.tag == _FISCAL_SIGN else found.raw.hex()
        case _:
            return found.value


def _sign(raw: bytes) -> Any:
    try:
        return fiscal_sign(raw)
    except TlvError:
        return {"raw": raw.hex()}


def _exact(number: Fvln) -> Decimal:
    return Decimal(number.value).scaleb(-number.decimals)


def _plain_number(number: Decimal) -> int | float | Decimal:
    """A float only where it says the same number."""
    if number == number.to_integral_value():
        return int(number)
    near = float(number)
    return near if Decimal(repr(near)) == number else number.normalize()


def _text(found: Element, tag: Tag | None, value: Any) -> str:
    match found.value:
        case datetime():
            seconds = ":%S" if found.value.second else ""
            return found.value.strftime(f"%Y-%m-%d %H:%M{seconds}")
        case Fvln():
            return f"{_exact(found.value):f}"
        case int() if tag and tag.type is TagType.VLN and found.tag not in _NOT_MONEY:
            return rubles(found.value)
        case None:
            return found.raw.hex()
        case _:
            return str(value) if not isinstance(value, dict) else found.raw.hex()


def _json(siblings: Iterable[DescribedElement]) -> FfdJson:
    result: FfdJson = {}
    lists: set[str] = set()
    for node in siblings:
        value = _json(node.children) if node.nested else node.value
        if node.key not in result:
            result[node.key] = [value] if node.repeats else value
            if node.repeats:
                lists.add(node.key)
        elif node.key in lists:
            result[node.key].append(value)
        else:  # twice although it should not: both are shown
            result[node.key] = [result[node.key], value]
            lists.add(node.key)
    return result


def _session_facts(header: SessionHeader) -> FfdJson:
    return {
        "fn_number": header.fn_number,
        "body_size": header.body_size,
        "session_version": header.s_version.hex(),
        "ffd_version": header.p_version.hex(),
        "flags": f"{header.flags:#06x}",
        "check_mode": header.check_mode.name.lower(),
        "check_code": f"{header.check_code:#06x}",
    }


def _container_facts(container: Container) -> FfdJson:
    return {
        "type": container.type.name.lower(),
        "code": container.code,
        "fn_number": container.fn_number,
        "number": container.header_number,
        "service_data": container.service_data_1.hex() + container.service_data_2.hex(),
        "document_length": len(container.document),
        "trailer": container.trailer.hex(),
        "encrypted": not container.is_clear,
    }
