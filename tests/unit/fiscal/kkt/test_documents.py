"""How a virtual FN writes its documents and reads them back."""

from dataclasses import replace

import pytest
from tests.support.receipts import KEY, a_registration, a_sale
from tests.support.worked_messages import FN, FN_FFD12, golden

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import TlvError, decode, element, first
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_receipt
from kkt_adapter.fiscal.kkt.virtual.documents import Scribe, read_code, read_document
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, UserAttribute
from kkt_adapter.fiscal.ofd.frame import FrameError, parse_message
from kkt_adapter.kernel.ids import FnNumber

HEAD = {1209, 1041, 1037, 1018, 1040, 1012, 1077, 1038, 1042}
WORKED = a_registration(
    fn_number=FnNumber(FN), ffd_version=FfdVersion.V1_05, registration_number="0000000005008570"
)


def fields_of(message: bytes) -> list[tuple[int, bytes]]:
    container = parse_message(message).container
    assert container is not None
    document = first(decode(container.document), container.code)
    assert document is not None
    return [(child.tag, child.raw) for child in document.children]


@pytest.mark.parametrize("name", ["open_shift", "receipt", "correction", "close_shift"])
def test_the_worked_documents_are_written_again_but_for_the_made_up_signs(name: str) -> None:
    message = golden(name)
    read = read_document(message, confirmed=False)
    fields = fields_of(message)
    body = b"".join(element(tag, raw) for tag, raw in fields if tag not in HEAD)

    written = Scribe(WORKED).write(
        read.code,
        fd_number=read.fd_number,
        made_at=read.fiscalized_at,
        body=body,
        shift_number=read.shift_number,
        receipt_number=read.receipt_number,
    )

    assert [f for f in fields_of(written.message) if f[0] != 1077] == [f for f in fields if f[0] != 1077]
    assert len(written.message) == len(message)
    assert read_document(written.message, confirmed=False) == replace(read, fiscal_sign=written.fiscal_sign)


def test_a_worked_receipt_is_read() -> None:
    read = read_document(golden("receipt"), confirmed=True)

    assert (read.fn_number, read.fd_number, read.fiscal_sign) == (FN, 3, 2_864_434_397)
    assert (read.code, read.operation, read.total_kop) == (DocumentCode.RECEIPT, 1, 35_050)
    assert (read.shift_number, read.receipt_number, read.key, read.confirmed) == (1, 1, None, True)
    assert read_code(golden("receipt")) is DocumentCode.RECEIPT


def test_a_receipt_of_ffd_1_2_is_read() -> None:
    read = read_document(golden("receipt_ffd12"), confirmed=False)

    assert (read.fn_number, read.fd_number, read.total_kop) == (FN_FFD12, 3, 12_200)


def test_the_same_contents_give_the_same_bytes_and_other_contents_another_sign() -> None:
    receipt, registration = a_sale(), a_registration()
    body = receipt_body(receipt, registration)
    read = read_document(golden("receipt"), confirmed=False)

    def write(*, fd_number: int = 3, body: bytes = body) -> bytes:
        return (
            Scribe(registration)
            .write(
                DocumentCode.RECEIPT,
                fd_number=fd_number,
                made_at=read.fiscalized_at,
                body=body,
                shift_number=1,
                receipt_number=1,
            )
            .message
        )

    signs = {read_document(m, confirmed=False).fiscal_sign for m in (write(), write(fd_number=4))}
    assert write() == write()
    assert len(signs) == 2


@pytest.mark.parametrize(
    ("attribute", "pair", "found"),
    [
        (KEY, None, KEY),
        (None, ("receipt_key", KEY), KEY),
        ("3730902192", ("receipt_key", KEY), KEY),
        ("A234567ABCDEFGHI", None, "A234567ABCDEFGHI"),
        ("2" + KEY[1:], None, None),  # begins with a digit
        (KEY[:-1] + "1", None, None),  # 1 is not in base 32
        (KEY.lower(), None, None),
        (KEY[:-1], None, None),
        (None, ("Receipt_Key", KEY), None),
        (None, ("receipt_key", KEY + "A"), None),
        (None, ("receipt_key", "1234567890123456"), None),
        (None, None, None),
    ],
)
def test_only_what_looks_like_a_receipt_key_is_one(
    attribute: str | None, pair: tuple[str, str] | None, found: str | None
) -> None:
    receipt = a_sale(
        additional_attribute=attribute,
        user_attribute=None if pair is None else UserAttribute(name=pair[0], value=pair[1]),
    )
    registration = a_registration()
    message = (
        Scribe(registration)
        .write(
            DocumentCode.RECEIPT,
            fd_number=3,
            made_at=read_document(golden("receipt"), confirmed=False).fiscalized_at,
            body=receipt_body(receipt, registration),
            shift_number=1,
            receipt_number=1,
        )
        .message
    )

    assert key_in_receipt(receipt) == read_document(message, confirmed=False).key == found


@pytest.mark.parametrize("position", [0, 40, 70, 200, -1])
def test_damaged_bytes_are_not_read(position: int) -> None:
    message = bytearray(golden("receipt"))
    message[position] ^= 0x40

    with pytest.raises((FrameError, TlvError)):
        read_document(bytes(message), confirmed=False)
