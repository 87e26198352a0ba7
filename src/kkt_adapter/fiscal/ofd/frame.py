"""Whole messages between a register and its operator, and the operator's confirmation.

A message is 30 bytes of session header (``session.py``), then a container (``container.py``). One message,
one answer. All functions here are pure.

The rule guarded here is the last one before a document leaves the queue: ``read_confirmation`` accepts an
answer only when it is whole, is a confirmation, and names our FN and our document.

Source: docs/reference/ofd-protocol.md, section Answer.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from kkt_adapter.fiscal.ffd.tlv import Element, Field, TlvError, decode, element, encode, first, padded
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion
from kkt_adapter.fiscal.ofd.confirmation import Confirmation, usual_confirmation
from kkt_adapter.fiscal.ofd.container import (
    Container,
    ContainerType,
    FrameError,
    Reason,
    container_bytes,
    crc,
    number_field,
    parse_container,
    service_data,
    trailer,
)
from kkt_adapter.fiscal.ofd.session import (
    DEFAULT_FLAGS,
    HEADER_BYTES,
    P_VERSIONS,
    CheckMode,
    SessionHeader,
    header_bytes,
    parse_header,
    repair_version,
    verify_check_code,
)

__all__ = [
    "DEFAULT_FLAGS",
    "HEADER_BYTES",
    "CheckMode",
    "Confirmation",
    "Container",
    "ContainerType",
    "FrameError",
    "Message",
    "Reason",
    "SessionHeader",
    "build_loose_reply",
    "build_message",
    "build_reply",
    "container_bytes",
    "crc",
    "header_bytes",
    "message_bytes",
    "parse_container",
    "parse_header",
    "parse_message",
    "read_any_confirmation",
    "read_confirmation",
    "repair_version",
    "service_data",
]

_LOOSE_CLEAR_LENGTH = 0x2030  # a space and "0": the loose shape fills the field with text


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    header: SessionHeader
    container: Container | None  # None: no body


def build_message(
    *,
    fn_number: str,
    fd_number: int,
    code: int,
    document: bytes,
    ffd_version: FfdVersion,
    service_data_2: bytes,
    sign: bytes,
    check: CheckMode = CheckMode.NONE,
) -> bytes:
    """A register's message, as an FN without encryption would make it.

    ``document`` is the whole TLV element with tag ``code``; ``service_data_2`` is 10 bytes (``service_data``
    makes them in the usual shape), ``sign`` 6 bytes.

    Raises:
        FrameError: document over 32 KiB, number over 24 bits, no FN number.
    """
    container = Container(
        type=ContainerType.TO_OPERATOR,
        code=code,
        fn_number=fn_number,
        number_field=number_field(fd_number),
        service_data_2=service_data_2,
        clear_length=len(document),
        document=document,
        trailer=trailer(ContainerType.TO_OPERATOR, sign),
    )
    header = SessionHeader(
        fn_number=fn_number, body_size=0, p_version=P_VERSIONS[ffd_version], flags=DEFAULT_FLAGS | check
    )
    return message_bytes(header, container)


def build_reply(
    request: Message,
    *,
    fd_number: int,
    ofd_inn: str,
    replied_at: datetime,
    operator_sign: bytes,
    service_data_2: bytes,
    sign: bytes,
    response_code: int | None = 0,
) -> bytes:
    """A confirmation in the shape of the captured answers of a real operator; None leaves 1022 out."""
    fn_number = request.header.fn_number
    document = encode(
        [
            (
                DocumentCode.CONFIRMATION,
                [
                    (1017, ofd_inn),
                    (1078, operator_sign),
                    (1041, fn_number),
                    (1040, fd_number),
                    (1012, replied_at),
                    (1068, _response(response_code)),
                ],
            )
        ]
    )
    container = Container(
        type=ContainerType.TO_REGISTER,
        code=DocumentCode.CONFIRMATION,
        fn_number=fn_number,
        number_field=number_field(fd_number),
        service_data_2=service_data_2,
        clear_length=len(document),
        document=document,
        trailer=trailer(ContainerType.TO_REGISTER, sign),
    )
    return message_bytes(replace(request.header, flags=DEFAULT_FLAGS), container)


def build_loose_reply(
    request: Message, *, fd_number: int, ofd_inn: str, replied_at: datetime, response_code: int | None = 0
) -> bytes:
    """A confirmation in the looser shape that test operators use and ``read_confirmation`` must bear.

    Container type as in requests, the document number as text, spaces for service data and clear length,
    an unpadded 1017, no 1078, no trailer.
    """
    fn_number = request.header.fn_number
    fields: list[Field] = [
        (1041, fn_number),
        (1040, fd_number),
        (1012, replied_at),
        (1068, _response(response_code)),
    ]
    document = element(
        DocumentCode.CONFIRMATION, element(1017, padded(ofd_inn, len(ofd_inn))) + encode(fields)
    )
    container = Container(
        type=ContainerType.TO_OPERATOR,
        code=DocumentCode.CONFIRMATION,
        fn_number=fn_number,
        number_field=str(fd_number).encode("ascii")[:3].ljust(3, b"\0"),
        service_data_2=b" " * 10,
        clear_length=_LOOSE_CLEAR_LENGTH,
        document=document,
    )
    return message_bytes(replace(request.header, flags=DEFAULT_FLAGS), container)


def _response(code: int | None) -> list[Field]:
    return [] if code is None else [(1022, code)]


def message_bytes(header: SessionHeader, container: Container | None) -> bytes:
    """Body size and check code are computed; without a container only the header is written.

    Raises:
        FrameError: a field does not fit.
    """
    body = b"" if container is None else container_bytes(container)
    return header_bytes(header, body) + body


def parse_message(data: bytes) -> Message:
    """A whole message, register's or operator's, exactly as long as it says.

    Raises:
        FrameError: what ``parse_header`` and ``parse_container`` raise; bad_size, bad_check_code.
    """
    header = parse_header(data[:HEADER_BYTES])
    body = data[HEADER_BYTES:]
    if len(body) != header.body_size:
        raise FrameError(Reason.BAD_SIZE, f"body of {len(body)} bytes, header says {header.body_size}")
    if header.check_mode is CheckMode.HEADER_AND_BODY:
        verify_check_code(header, data[:HEADER_BYTES], body)
    return Message(header=header, container=parse_container(body) if body else None)


def read_confirmation(
    reply: bytes, *, fn_number: str, fd_number: int, encrypted: bool = False
) -> Confirmation:
    """Is this answer the operator's confirmation of exactly this document?

    Checked: signature, sizes, check codes, container type (both directions pass), document code 7, the FN
    number in the container header and in 1041, the document number in 1040. The number in the container
    header, the order of tags, the trailer and 1078 are not looked at; 1022 may stand at the top or in 1068,
    or be missing: then the FN decides.

    With ``encrypted`` (the register's own documents are not clear) an unreadable answer is judged by the
    container header alone, and the FN decides. Inferred: no encrypted exchange was seen.

    Raises:
        FrameError: not a confirmation of this document; ``reason`` says why.
    """
    found = usual_confirmation(reply, fn_number=fn_number, fd_number=fd_number)
    if found is not None:
        return found
    return read_any_confirmation(reply, fn_number=fn_number, fd_number=fd_number, encrypted=encrypted)


def read_any_confirmation(
    reply: bytes, *, fn_number: str, fd_number: int, encrypted: bool = False
) -> Confirmation:
    """``read_confirmation`` without the quick way for answers of the usual shape."""
    container = parse_message(reply).container
    if container is None:
        raise FrameError(Reason.EMPTY, "answer without a body")
    if container.code != DocumentCode.CONFIRMATION:
        raise FrameError(Reason.BAD_TYPE, f"document code {container.code} is not a confirmation")
    if container.fn_number != fn_number:
        raise FrameError(Reason.WRONG_FN, f"answer is about FN {container.fn_number}, not {fn_number}")
    if encrypted and not container.is_clear:
        return _opaque_confirmation(container, fd_number)
    return _clear_confirmation(container.document, fn_number=fn_number, fd_number=fd_number)


def _clear_confirmation(document: bytes, *, fn_number: str, fd_number: int) -> Confirmation:
    elements = _confirmation_elements(document)
    fn_tag, number_tag = _value(elements, 1041), _value(elements, 1040)
    if not isinstance(fn_tag, str) or not isinstance(number_tag, int):
        raise FrameError(Reason.BAD_DOCUMENT, "no FN number (1041) or document number (1040)")
    if fn_tag != fn_number:
        raise FrameError(Reason.WRONG_FN, f"answer is about FN {fn_tag}, not {fn_number}")
    if number_tag != fd_number:
        raise FrameError(Reason.WRONG_NUMBER, f"answer is about document {number_tag}, not {fd_number}")
    ofd_inn, replied_at, sign = _value(elements, 1017), _value(elements, 1012), first(elements, 1078)
    return Confirmation(
        fn_number=fn_number,
        fd_number=fd_number,
        response_code=_response_code(elements),
        ofd_inn=ofd_inn if isinstance(ofd_inn, str) else None,
        operator_sign=sign.raw.hex() if sign else None,
        replied_at=replied_at if isinstance(replied_at, datetime) else None,
    )


def _opaque_confirmation(container: Container, fd_number: int) -> Confirmation:
    if container.header_number != fd_number:
        raise FrameError(
            Reason.WRONG_NUMBER, f"answer is about document {container.header_number}, not {fd_number}"
        )
    return Confirmation(
        fn_number=container.fn_number,
        fd_number=fd_number,
        response_code=None,
        ofd_inn=None,
        operator_sign=None,
        replied_at=None,
    )


def _confirmation_elements(document: bytes) -> tuple[Element, ...]:
    try:
        confirmation = first(decode(document), DocumentCode.CONFIRMATION)
    except TlvError as error:
        raise FrameError(Reason.BAD_DOCUMENT, str(error)) from error
    if confirmation is None:
        raise FrameError(Reason.BAD_DOCUMENT, "no confirmation (7) in the document")
    return confirmation.children


def _value(elements: tuple[Element, ...], tag: int) -> object:
    found = first(elements, tag)
    return None if found is None else found.value


def _response_code(elements: tuple[Element, ...]) -> int | None:
    to_fn = first(elements, 1068)
    found = first(elements, 1022) or (to_fn and to_fn.child(1022))
    if not found:
        return None
    if not isinstance(found.value, int):
        raise FrameError(Reason.BAD_DOCUMENT, f"response code (1022) of {len(found.raw)} bytes")
    return found.value
