"""Receipts as TLV against the worked documents of the protocol."""

from datetime import date
from typing import Any

from tests.support.messages.composed import V105, body, one, tags
from tests.support.receipts import a_correction, a_line, a_payment, a_registration, a_sale

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import Element, Fvln, decode, element
from kkt_adapter.fiscal.model import Cashier, PaymentKind, ReceiptKind, VatRate
from kkt_adapter.kernel.money import ONE, Kopecks, Quantity

# Worked documents of the protocol: from 1054 on, that is without what the FN adds.
RECEIPT_105 = """
1e040100011f0401000118040b008e8e8e2090aeaca0e8aaa0f1031600a32e8caee1aaa2a02c20e3ab2e8ba5ada8ada02c2031
a30407008ca0a3a0a7a8adfd030a0088a2a0adaea2a020802e23042f00be04010004bc040100010604040095aba5a137040200a113
ff0302000002af04010002b004020092031304020042272304
3700be04010004bc0401000106040b0091ebe020a2a5e1aea2aea937040300a08601ff03020003faaf04010001b004020047101304
0200a861fc030200ea88070402001027390402
00da61bf04010000c004010000c1040100004e04020047104f0402009203240410007777772e6e616c6f672e676f762e7275
5d04100073686f70406578616d706c652e636f6d"""
CORRECTION_105 = """
1e040100011f04010001fd030a0088a2a0adaea2a020802e9504010000960410009a04040000a985679b040400412d3137
fc030200e02e07040200e02e3904010000bf04010000c004010000c1040100004e040200d007"""
RECEIPT_12 = """
1e040100011f0401000118040b008e8e8e2090aeaca0e8aaa0f1031600a32e8caee1aaa2a02c20e3ab2e8ba5ada8ada02c2031
a30407008ca0a3a0a7a8adfd030a0088a2a0adaea2a020802e23044a00be04010004bc04010001060405008ba0acafa03c08010000
37040200a82fff0302000001af0401000bb0040200980813040200a82f8b04110016050d0034363032333033303930373835
fc030200a82f070401000039040200a82fbf04010000c004010000c10401000050040100005b040f005f040b00af0401000b600402
009808240410007777772e6e616c6f672e676f762e7275"""

ROMASHKA: dict[str, Any] = {
    "user_name": "ООО Ромашка",
    "address": "г.Москва, ул.Ленина, 1",
    "place": "Магазин",
    "fns_site": "www.nalog.gov.ru",
}


def read(text: str) -> list[Element]:
    return decode(bytes.fromhex("".join(text.split())))


def test_the_worked_receipt_of_ffd_1_2_comes_out_byte_for_byte():
    """The lamp for 122.00 with 22 % VAT in 1115; its 1163 is that of goods without a marking code."""
    receipt = a_sale(
        lines=(
            a_line(
                name="Лампа",
                price_kop=Kopecks(12_200),
                amount_kop=Kopecks(12_200),
                vat=VatRate.P22,
                vat_kop=Kopecks(2_200),
            ),
        ),
        payments=(a_payment(12_200, PaymentKind.CARD),),
        cashier=Cashier(name="Иванова А."),
        additional_attribute=None,
        key=None,
    )
    expected = b""
    for top in read(RECEIPT_12):
        if top.tag == 1059:
            lamp = b"".join(element(child.tag, child.raw) for child in top.children if child.tag != 1163)
            expected += element(1059, lamp)
        else:
            expected += element(top.tag, top.raw)
    assert receipt_body(receipt, a_registration(**ROMASHKA)) == expected


def test_the_worked_receipt_of_ffd_1_05_has_the_same_contents():
    """Ours also has 1197, and 1117 only with a contact; a quarter is written shorter (25 / 10^2)."""
    bread = a_line(
        name="Хлеб",
        price_kop=Kopecks(5_025),
        quantity=Quantity(2 * ONE),
        amount_kop=Kopecks(10_050),
        vat=VatRate.P10,
        vat_kop=Kopecks(914),
    )
    cheese = a_line(
        name="Сыр весовой",
        price_kop=Kopecks(100_000),
        quantity=Quantity(250_000),
        amount_kop=Kopecks(25_000),
        vat=VatRate.P20,
        vat_kop=Kopecks(4_167),
        unit="кг",
    )
    receipt = a_sale(
        ffd_version=V105,
        lines=(bread, cheese),
        payments=(a_payment(10_000), a_payment(25_050, PaymentKind.CARD)),
        cashier=Cashier(name="Иванова А."),
        additional_attribute=None,
        key=None,
    )
    ours = body(receipt, a_registration(ffd_version=V105, **ROMASHKA))
    theirs = read(RECEIPT_105)
    assert [(e.tag, e.raw) for e in ours if e.tag != 1059] == [
        (e.tag, e.raw) for e in theirs if e.tag not in {1059, 1117}
    ]
    for mine, other in zip(
        [e for e in ours if e.tag == 1059], [e for e in theirs if e.tag == 1059], strict=True
    ):
        assert [(c.tag, c.raw) for c in mine.children if c.tag not in {1023, 1197}] == [
            (c.tag, c.raw) for c in other.children if c.tag != 1023
        ]
    assert one([e for e in ours if e.tag == 1059][1].children, 1023).value == Fvln(25, 2)


def test_the_worked_correction_of_ffd_1_05_has_the_same_contents():
    receipt = a_sale(
        kind=ReceiptKind.CORRECTION,
        ffd_version=V105,
        correction=a_correction(date=date(2025, 1, 14), number="A-17"),
        lines=(
            a_line(
                price_kop=Kopecks(12_000),
                amount_kop=Kopecks(12_000),
                vat=VatRate.P20,
                vat_kop=Kopecks(2_000),
            ),
        ),
        cashier=Cashier(name="Иванова А."),
        additional_attribute=None,
        key=None,
    )
    ours = body(receipt, a_registration(ffd_version=V105, **ROMASHKA))
    of_registration = {1048, 1009, 1187, 1060}  # left out in the worked one
    assert [(e.tag, e.raw) for e in ours if e.tag not in of_registration] == [
        (e.tag, e.raw) for e in read(CORRECTION_105)
    ]
    assert 1059 not in tags(ours)  # reduced to totals
