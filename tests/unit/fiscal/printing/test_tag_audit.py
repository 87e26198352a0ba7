"""What is compared between a receipt and the document it became."""

import pytest
from tests.support.receipts import a_correction, a_line, a_registration, a_sale

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import decode
from kkt_adapter.fiscal.model import FfdVersion, Receipt, ReceiptKind, VatRate
from kkt_adapter.fiscal.printing.tag_audit import Difference, differences
from kkt_adapter.kernel.money import Kopecks

ASKED = a_sale(lines=(a_line(vat=VatRate.P20), a_line(vat=VatRate.P10)))


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (ASKED, []),
        (
            a_sale(lines=(a_line(vat=VatRate.P22), a_line(vat=VatRate.P10))),
            [Difference(tag=1199, line=1, asked="1", told="11")],
        ),
        (a_sale(lines=ASKED.lines[:1]), ["1020", "1031", "1199", "1043", "1023", "1212", "1214", "2108"]),
        (a_sale(lines=ASKED.lines, additional_attribute=None), ["1192"]),
        (a_sale(lines=ASKED.lines, taxation=2), ["1055"]),
    ],
)
def test_every_difference_is_named(made: Receipt, found: list[object]) -> None:
    registration = a_registration(taxation_mask=3)
    told = differences(ASKED, decode(receipt_body(made, registration)))

    assert [str(one.tag) if isinstance(found[0], str) else one for one in told] == found


def test_a_correction_of_ffd_1_05_has_no_lines_to_compare() -> None:
    receipt = a_sale(
        kind=ReceiptKind.CORRECTION,
        correction=a_correction(number="1"),
        ffd_version=FfdVersion.V1_05,
        total_kop=Kopecks(10_000),
    )
    body = receipt_body(receipt, a_registration(ffd_version=FfdVersion.V1_05))

    assert differences(receipt, decode(body)) == []
