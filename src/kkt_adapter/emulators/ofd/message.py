"""Strict reading of a register's message, as an operator that trusts nothing would do it.

Stricter than the gateway's own reading of answers on purpose: a pump lets through what it does not
understand, the stand-in for an operator must find the mistakes of whoever built the message.

Not checked, because only a real operator can: the signs (1077, trailer). Encrypted documents are refused.

Source: docs/reference/ofd-protocol.md, sections Session header, Container, Required contents.
"""

from dataclasses import dataclass

from kkt_adapter.fiscal.ffd.tlv import Element, TlvError, decode, first
from kkt_adapter.fiscal.model import DocumentCode
from kkt_adapter.fiscal.ofd.frame import (
    CheckMode,
    Container,
    ContainerType,
    FrameError,
    Message,
    Reason,
    SessionHeader,
    parse_message,
)
from kkt_adapter.fiscal.ofd.session import P_VERSIONS, S_VERSION

FORMAT_LOGIC_FAILED = 14  # tag 1022: format-logic control failed

_RESERVED_FLAGS = 0xFF08  # bit 3 and bits 8-15
_TRAILER_PREFIX, _TRAILER_END, _TRAILER_BYTES = b"\x81\x06", b"\0\0", 10
_FN_DIGITS = 16

_CODES = frozenset(DocumentCode) - {DocumentCode.CONFIRMATION}
_SETTLEMENTS = frozenset(
    {DocumentCode.RECEIPT, DocumentCode.BSO, DocumentCode.CORRECTION, DocumentCode.BSO_CORRECTION}
)
_HEAD = (1209, 1037, 1040, 1041, 1012, 1077)  # in every document
_USER_INN = 1018  # in every document, but settlements may take it from the registration
_PAYMENTS = (1031, 1081, 1215, 1216, 1217)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that holds."""

    message: Message
    fn_number: str
    fd_number: int  # 1040
    code: int
    response_code: int  # 0, or 14: a total that its payments do not make


def read_strictly(data: bytes) -> Received:
    """Check everything that can be checked without the FN's keys.

    Raises:
        FrameError: the message gets no answer; ``reason`` says why.
    """
    message = parse_message(data)
    container = message.container
    if container is None:
        raise FrameError(Reason.EMPTY, "a message without a container")
    _check_header(message.header)
    _check_container(container, message.header)
    elements = _document(container)
    fd_number = _check_head(elements, container, message.header)
    return Received(
        message=message,
        fn_number=container.fn_number,
        fd_number=fd_number,
        code=container.code,
        response_code=0 if _adds_up(elements) else FORMAT_LOGIC_FAILED,
    )


def _check_header(header: SessionHeader) -> None:
    if header.s_version != S_VERSION:
        raise FrameError(Reason.BAD_VERSION, f"session version {header.s_version.hex()}")
    if header.p_version not in P_VERSIONS.values():
        raise FrameError(Reason.BAD_VERSION, f"FFD version {header.p_version.hex()}")
    if header.flags & _RESERVED_FLAGS or not header.has_container or not header.wants_answer:
        raise FrameError(Reason.BAD_FLAGS, f"{header.flags:#06x}")
    if header.check_mode is CheckMode.NONE and header.check_code:
        raise FrameError(Reason.BAD_CHECK_CODE, "a check code although the flags say none")


def _check_container(container: Container, header: SessionHeader) -> None:
    if container.type is not ContainerType.TO_OPERATOR or container.code not in _CODES:
        raise FrameError(Reason.BAD_TYPE, f"container {container.type:#04x}, document {container.code}")
    if container.format_version != 1:
        raise FrameError(Reason.BAD_VERSION, f"container version {container.format_version}")
    if len(container.fn_number) != _FN_DIGITS:
        raise FrameError(Reason.BAD_FN, f"FN number {container.fn_number}")
    if container.fn_number != header.fn_number:
        raise FrameError(Reason.WRONG_FN, f"header {header.fn_number}, container {container.fn_number}")
    if not container.is_clear or container.clear_length != len(container.document):
        raise FrameError(Reason.BAD_DOCUMENT, "the document is not the one element the header announces")
    tail = container.trailer
    framed = len(tail) == _TRAILER_BYTES and tail.startswith(_TRAILER_PREFIX) and tail.endswith(_TRAILER_END)
    if tail and not framed:
        raise FrameError(Reason.BAD_SIZE, f"trailer {tail[:16].hex()}")


def _document(container: Container) -> tuple[Element, ...]:
    try:
        (document,) = decode(container.document)
    except TlvError as error:
        raise FrameError(Reason.BAD_DOCUMENT, str(error)) from error
    return document.children


def _check_head(elements: tuple[Element, ...], container: Container, header: SessionHeader) -> int:
    """The mandatory head agrees with both headers; returns the document number."""
    wanted = _HEAD if container.code in _SETTLEMENTS else (*_HEAD, _USER_INN)
    head = {element.tag: element.value for element in reversed(elements) if element.tag in wanted}
    missing = [tag for tag in wanted if head.get(tag) is None]
    if missing:
        raise FrameError(Reason.BAD_DOCUMENT, f"no valid tag {missing[0]}")
    if head[1041] != container.fn_number:
        raise FrameError(Reason.WRONG_FN, f"tag 1041 {head[1041]!r}, header {container.fn_number}")
    fd_number = head[1040]
    assert isinstance(fd_number, int)  # the type of 1040
    if fd_number < 1 or fd_number != container.header_number:
        raise FrameError(Reason.WRONG_NUMBER, f"tag 1040 {fd_number}, header {container.header_number}")
    if head[1209] != header.ffd_version:
        raise FrameError(Reason.BAD_VERSION, f"tag 1209 {head[1209]!r}, header {header.p_version.hex()}")
    return fd_number


def _adds_up(elements: tuple[Element, ...]) -> bool:
    """1020 is exactly the sum of the payments; a document without 1020 has nothing to add up."""
    total = first(elements, 1020)
    if total is None:
        return True
    paid = [e.value for e in elements if e.tag in _PAYMENTS]
    return total.value == sum(v for v in paid if isinstance(v, int))
