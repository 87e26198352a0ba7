"""How a virtual FN writes its documents, and how it reads them back.

Head, number, time, fiscal sign and container are the FN's; the rest of the contents is ``ffd/compose.py``.
Fiscal sign, message sign and service data are **made up**: a keyed hash of the contents under a key that
anybody can compute. They tell documents apart and prove nothing; no real operator takes them.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from struct import Struct

from kkt_adapter.fiscal.ffd.tlv import (
    Element,
    TlvError,
    decode,
    element,
    encode,
    first,
    fiscal_sign,
    fiscal_sign_bytes,
    unixtime,
)
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_elements
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Operation, Registration
from kkt_adapter.fiscal.ofd.frame import HEADER_BYTES, parse_message, service_data
from kkt_adapter.fiscal.ofd.message_form import MessageForm
from kkt_adapter.kernel.ids import FnNumber
from kkt_adapter.kernel.money import Kopecks
from kkt_adapter.kernel.quick import quickly_made

_CODE_AT = HEADER_BYTES + 5  # the data type of the container, behind the session header
_NUMBER = Struct("<HHI")
_NUMBERS = Struct("<HHIHH4sHH6s")
_SIGNED_HEAD = Struct("<BI4sII")
_SIGNS = Struct(">I6s5s")  # fiscal sign, message sign, the FN's own five bytes of service data


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    fiscal_sign: int
    document: bytes  # code, length, contents
    message: bytes  # session header and container


class Scribe:
    """Writes the documents of one FN."""

    def __init__(self, registration: Registration) -> None:
        self._form = MessageForm(registration.fn_number, registration.ffd_version)
        self._head = encode(
            [
                (1209, int(registration.ffd_version)),
                (1041, registration.fn_number),
                (1037, registration.registration_number),
                (1018, registration.user_inn),
            ]
        )
        self._key = blake2b(registration.fn_number.encode(), digest_size=32, person=b"not fiscal").digest()

    def write(
        self,
        code: DocumentCode,
        *,
        fd_number: int,
        made_at: datetime,
        body: bytes,
        shift_number: int | None = None,
        receipt_number: int | None = None,
    ) -> SignedDocument:
        """A whole message: the same arguments always give the same bytes.

        Raises:
            TlvError, FrameError: the document does not fit; ``body`` is too long.
        """
        time = unixtime(made_at)
        signed = _SIGNED_HEAD.pack(code, fd_number, time, shift_number or 0, receipt_number or 0)
        digest = blake2b(signed + body, key=self._key, digest_size=_SIGNS.size).digest()
        sign, message_sign, nonce = _SIGNS.unpack(digest)
        head = self._head + _NUMBERS.pack(1040, 4, fd_number, 1012, 4, time, 1077, 6, fiscal_sign_bytes(sign))
        if receipt_number is not None:
            head += _NUMBER.pack(1042, 4, receipt_number)
        if shift_number is not None:
            head += _NUMBER.pack(1038, 4, shift_number)
        document = element(code, head + body)
        message = self._form.message(
            fd_number=fd_number,
            code=code,
            document=document,
            service_data_2=service_data(nonce, fd_number),
            sign=message_sign,
        )
        return SignedDocument(fiscal_sign=sign, document=document, message=message)


def read_document(message: bytes, *, confirmed: bool) -> FiscalDocument:
    """The document inside a stored message.

    Raises:
        FrameError, TlvError: the bytes are damaged.
    """
    container = parse_message(message).container
    if container is None:
        raise TlvError("a message without a document")
    document = first(decode(container.document), container.code)
    if document is None:
        raise TlvError("the document has another code than its container")
    operation = _optional_number(document, 1054)
    total = _optional_number(document, 1020)
    made_at = _child(document, 1012).value
    if not isinstance(made_at, datetime):
        raise TlvError("not a time", tag=1012)
    return FiscalDocument(
        fn_number=FnNumber(_text(document, 1041)),
        fd_number=_number(document, 1040),
        code=DocumentCode(container.code),
        fiscal_sign=fiscal_sign(_child(document, 1077).raw),
        fiscalized_at=made_at,
        shift_number=_optional_number(document, 1038) or 0,
        receipt_number=_optional_number(document, 1042),
        operation=None if operation is None else Operation(operation),
        total_kop=None if total is None else Kopecks(total),
        key=key_in_elements(document.children),
        confirmed=confirmed,
        tlv=container.document,
    )


def read_code(message: bytes) -> DocumentCode:
    """What document a stored message carries, without reading it."""
    return DocumentCode(message[_CODE_AT])


def _child(parent: Element, tag: int) -> Element:
    found = parent.child(tag)
    if found is None:
        raise TlvError("missing", tag=tag)
    return found


def _number(parent: Element, tag: int) -> int:
    value = _child(parent, tag).value
    if not isinstance(value, int):
        raise TlvError("not a number", tag=tag)
    return value


def _optional_number(parent: Element, tag: int) -> int | None:
    return None if parent.child(tag) is None else _number(parent, tag)


def _text(parent: Element, tag: int) -> str:
    value = _child(parent, tag).value
    if not isinstance(value, str):
        raise TlvError("not a text", tag=tag)
    return value
