"""The QR code of a receipt."""

from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree

import pytest
import segno
from tests.support.pages.slips import a_document
from tests.support.receipts import a_correction, a_line, a_sale

from kkt_adapter.fiscal.model import Operation, ReceiptKind
from kkt_adapter.fiscal.slip import qr_svg, qr_text
from kkt_adapter.kernel.ids import FnNumber


def test_the_text_of_a_published_receipt() -> None:
    receipt = a_sale(lines=(a_line(amount_kop=485_000),))
    document = replace(
        a_document(receipt),
        fn_number=FnNumber("9287440300634471"),
        fd_number=13_571,
        fiscal_sign=3_730_902_192,
        fiscalized_at=datetime(2020, 7, 27, 11, 17),  # noqa: DTZ001 - wall clock
    )

    assert qr_text(document, receipt) == (
        "t=20200727T1117&s=4850.00&fn=9287440300634471&i=13571&fp=3730902192&n=1"
    )


@pytest.mark.parametrize(
    ("kind", "operation", "n"),
    [
        (ReceiptKind.SALE, Operation.SALE, 1),
        (ReceiptKind.REFUND, Operation.REFUND, 2),
        (ReceiptKind.EXPENSE, Operation.EXPENSE, 3),
        (ReceiptKind.EXPENSE_REFUND, Operation.EXPENSE_REFUND, 4),
        (ReceiptKind.CORRECTION, Operation.REFUND, 2),
    ],
)
def test_the_operation_is_that_of_tag_1054(kind: ReceiptKind, operation: Operation, n: int) -> None:
    correction = a_correction(operation=operation) if kind is ReceiptKind.CORRECTION else None
    receipt = a_sale(kind=kind, operation=operation, correction=correction)

    assert qr_text(a_document(receipt), receipt).endswith(f"&n={n}")


def test_the_svg_is_one_element_that_scales() -> None:
    root = ElementTree.fromstring(qr_svg("t=20260302T1200&s=1.00"))

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib


def test_the_svg_draws_the_modules_of_the_code() -> None:
    text = "t=20260302T1200&s=1.00&fn=9999078902013267&i=3&fp=1&n=1"
    code = segno.make_qr(text, error="m")
    size = code.symbol_size(scale=1, border=2)

    assert f'viewBox="0 0 {size[0]} {size[1]}"' in qr_svg(text)
    assert qr_svg(text) != qr_svg(text + "0")
