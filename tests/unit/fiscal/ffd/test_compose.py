"""Receipts as TLV: against worked messages, the dictionary of tags, and what every version demands."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import (
    BUYER_INN,
    CASHIER_INN,
    a_correction,
    a_line,
    a_payment,
    a_profile,
    a_registration,
    a_request,
    a_sale,
    checked,
)

from kkt_adapter.fiscal.ffd.compose import HEAD_BYTES, document_size, receipt_body
from kkt_adapter.fiscal.ffd.tags import registry
from kkt_adapter.fiscal.ffd.tlv import Element, Field, Fvln, Value, decode, element, encode
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    DocumentCode,
    FfdVersion,
    MarkPermission,
    Operation,
    PaymentKind,
    Receipt,
    ReceiptKind,
    Registration,
    UserAttribute,
    VatRate,
)
from kkt_adapter.kernel.money import ONE, Kopecks, Quantity

V105, V11, V12 = FfdVersion.V1_05, FfdVersion.V1_1, FfdVersion.V1_2
MARK = "0104690257528523215G+mgsHwDiLN\x1d91EE05\x1d92" + "a" * 44

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


def body(receipt: Receipt, registration: Registration | None = None) -> list[Element]:
    return decode(receipt_body(receipt, registration or a_registration(ffd_version=receipt.ffd_version)))


def one(elements: list[Element] | tuple[Element, ...], tag: int) -> Element:
    found = [e for e in elements if e.tag == tag]
    assert len(found) == 1, f"tag {tag} stands {len(found)} times"
    return found[0]


def value(elements: list[Element], tag: int) -> Value | None:
    return one(elements, tag).value


def tags(elements: list[Element] | tuple[Element, ...]) -> list[int]:
    return [e.tag for e in elements]


# --- worked documents ------------------------------------------------------------------------------------


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


# --- the request of the tutorial -------------------------------------------------------------------------


def test_the_smallest_request_becomes_exactly_this_document():
    registration = a_registration()
    receipt = checked(a_request(), a_profile(registration=registration)).receipt
    elements = decode(receipt_body(receipt, registration))
    assert [(e.tag, e.value) for e in elements if e.tag != 1059] == [
        (1054, 1),  # sale
        (1055, 1),  # general tax system: the only one registered
        (1048, 'ООО "Ромашка"'),
        (1009, "г. Москва, ул. Лесная, д. 1"),
        (1187, "Касса POS-001"),
        (1021, "Кассир"),
        (1020, 10_000),
        (1031, 10_000),
        (1081, 0),
        (1215, 0),
        (1216, 0),
        (1217, 0),
        (1105, 10_000),  # turnover without VAT
        (1192, "HPD24SLRREZOWGQA"),
        (1060, "www.nalog.gov.ru"),
    ]
    assert sorted((e.tag, e.value) for e in one(elements, 1059).children) == [
        (1023, Fvln(1, 0)),
        (1030, "Test"),
        (1043, 10_000),
        (1079, 10_000),
        (1199, 6),
        (1212, 1),
        (1214, 4),
        (2108, 0),
    ]


@pytest.mark.parametrize("version", FfdVersion)
def test_every_version_gets_its_own_measure(version):
    line = one(body(a_sale(ffd_version=version)), 1059).children
    if version is V12:
        assert one(line, 2108).value == 0
        assert 1197 not in tags(line)
    else:
        assert one(line, 1197).value == "шт"
        assert 2108 not in tags(line)


# --- contents by rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "sums"),
    [
        (["20"], {1102: 1_667}),
        (["10"], {1103: 909}),
        (["0"], {1104: 10_000}),  # turnover, not tax
        (["none"], {1105: 10_000}),
        (["20/120"], {1106: 1_667}),
        (["10/110"], {1107: 909}),
        (["20", "20", "10"], {1102: 3_334, 1103: 909}),  # sums of the lines' tax
        (["22"], {1104: 0, 1115: {11: 1_803}}),  # the filler goes with a lonely 1115
        (["22", "22/122"], {1104: 0, 1115: {11: 1_803, 12: 1_803}}),
        (["5", "7", "5/105", "7/107"], {1104: 0, 1115: {7: 476, 8: 654, 9: 476, 10: 654}}),
        (["22", "10"], {1103: 909, 1115: {11: 1_803}}),  # no filler beside another sum
        (["22", "none"], {1105: 10_000, 1115: {11: 1_803}}),
        (["22", "0"], {1104: 10_000, 1115: {11: 1_803}}),
    ],
)
@pytest.mark.parametrize("version", FfdVersion)
def test_sums_of_vat(version, rates, sums):
    lines = tuple(a_line(vat=VatRate(rate), vat_kop=vat_inside(10_000, VatRate(rate))) for rate in rates)
    elements = body(a_sale(ffd_version=version, lines=lines))
    found: dict[int, object] = {e.tag: e.value for e in elements if 1102 <= e.tag <= 1107}
    listed = [e for e in elements if e.tag == 1115]
    if listed:
        found[1115] = {one(c.children, 1199).value: one(c.children, 1120).value for c in listed[0].children}
    assert found == sums


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        (PaymentKind.CASH, 1031),
        (PaymentKind.CARD, 1081),
        (PaymentKind.PREPAID, 1215),
        (PaymentKind.CREDIT, 1216),
        (PaymentKind.OTHER, 1217),
    ],
)
def test_all_five_payment_sums_are_there_zeros_too(kind, tag):
    elements = body(a_sale(payments=(a_payment(4_000, kind), a_payment(6_000, kind))))
    assert value(elements, tag) == 10_000
    others = {1031, 1081, 1215, 1216, 1217} - {tag}
    assert [value(elements, other) for other in others] == [0] * 4


@pytest.mark.parametrize("version", FfdVersion)
def test_the_buyer_stands_in_1256_since_ffd_1_2(version):
    customer = Customer(email="a@b.ru", name="ООО Лютик", inn=BUYER_INN)
    elements = body(a_sale(ffd_version=version, customer=customer, sender_email="demo@example.com"))
    assert value(elements, 1008) == "a@b.ru"
    assert value(elements, 1117) == "demo@example.com"
    person = list(one(elements, 1256).children) if version is V12 else elements
    assert value(person, 1227) == "ООО Лютик"
    assert value(person, 1228) == BUYER_INN
    assert (1227 in tags(elements)) is (version is not V12)


@pytest.mark.parametrize("version", FfdVersion)
def test_an_internet_settlement_says_so_in_every_version(version):
    elements = body(a_sale(ffd_version=version, internet=True, place="shop.example.com"))
    assert value(elements, 1125) == 1
    assert value(elements, 1187) == "shop.example.com"
    assert 1108 not in tags(elements)


def test_facts_of_the_registration():
    registration = a_registration(internet_only=True, auto_mode=True, machine_number="V-7")
    elements = body(a_sale(cashier=Cashier()), registration)
    assert value(elements, 1108) == 1
    assert value(elements, 1036) == "V-7"
    assert 1021 not in tags(elements)


def test_a_machine_number_without_automatic_mode_stays_out():
    assert 1036 not in tags(body(a_sale(), a_registration(machine_number="V-7")))


def test_cashier_place_address_and_attributes():
    elements = body(
        a_sale(
            cashier=Cashier(name="Петров", inn=CASHIER_INN),
            place="Курьер",
            address="г. Тверь",
            additional_attribute="x",
            user_attribute=UserAttribute(name="receipt_key", value="ABC"),
        )
    )
    assert value(elements, 1021) == "Петров"
    assert value(elements, 1203) == CASHIER_INN
    assert (value(elements, 1187), value(elements, 1009)) == ("Курьер", "г. Тверь")
    assert value(elements, 1192) == "x"
    assert [(c.tag, c.value) for c in one(elements, 1084).children] == [(1085, "receipt_key"), (1086, "ABC")]


@pytest.mark.parametrize(
    ("version", "by_order", "number", "with_number"),
    [
        (V105, False, "A-17", True),  # 1179 is mandatory
        (V105, True, "A-17", True),
        (V11, True, "A-17", True),
        (V11, False, "A-17", False),  # with an order only
        (V12, False, "A-17", False),
        (V12, True, "A-17", True),
        (V12, False, None, False),
    ],
)
def test_the_base_of_a_correction(version, by_order, number, with_number):
    receipt = a_sale(
        kind=ReceiptKind.CORRECTION,
        operation=Operation.EXPENSE,
        ffd_version=version,
        correction=a_correction(by_order=by_order, number=number, operation=Operation.EXPENSE),
    )
    elements = body(receipt)
    assert value(elements, 1173) == int(by_order)
    assert value(elements, 1054) == 3
    base = list(one(elements, 1174).children)
    assert tags(base) == ([1178, 1179] if with_number else [1178])
    assert value(base, 1178) == datetime(2026, 3, 1)  # noqa: DTZ001 - wall clock
    assert (1059 in tags(elements)) is (version is not V105)


# --- marked goods ----------------------------------------------------------------------------------------


def test_a_marked_line_has_the_least_set_of_ffd_1_2():
    permission = MarkPermission(uuid="u", time="1", inst="i", ver="v")
    receipt = a_sale(lines=(a_line(subject=33, mark_code=MARK, mark_permission=permission),))
    elements = body(receipt)
    line = list(one(elements, 1059).children)
    assert [(c.tag, c.value) for c in one(line, 1163).children] == [(1305, MARK[:30])]
    assert (value(line, 1212), value(line, 2102), value(line, 2106)) == (33, 0, 0)
    assert 1291 not in tags(line)
    assert [(c.tag, c.value) for c in one(line, 1260).children] == [
        (1262, "030"),
        (1263, "21.11.2023"),
        (1264, "1944"),
        (1265, "UUID=u&Time=1&Inst=i&Ver=v"),
    ]
    assert value(elements, 2107) == 0


@pytest.mark.parametrize(
    ("quantity", "fraction"),
    [(500_000, ("1/2", 1, 2)), (250_000, ("1/4", 1, 4)), (333_333, ("333333/1000000", 333_333, 1_000_000))],
)
def test_a_part_of_a_marked_piece_is_a_fraction(quantity, fraction):
    receipt = a_sale(lines=(a_line(subject=33, mark_code=MARK, quantity=Quantity(quantity)),))
    part = one(one(body(receipt), 1059).children, 1291).children
    assert tuple(one(part, tag).value for tag in (1292, 1293, 1294)) == fraction


def test_a_measured_quantity_of_marked_goods_is_no_fraction():
    receipt = a_sale(lines=(a_line(subject=33, mark_code=MARK, quantity=Quantity(500_000), measure=41),))
    assert 1291 not in tags(one(body(receipt), 1059).children)


@pytest.mark.parametrize(
    ("bits", "result"),
    [(0, 0), (0b0011, 0), (0b1111, 0), (0b0001, 1), (0b0111, 1), (0b10011, 0), (0b0101, 1)],
)
def test_the_result_of_the_check_goes_into_every_marked_line(bits, result):
    receipt = a_sale(lines=(a_line(subject=33, mark_code=MARK), a_line()))
    elements = decode(receipt_body(receipt, a_registration(), mark_check=bits))
    marked, plain = (e.children for e in elements if e.tag == 1059)
    assert one(marked, 2106).value == bits
    assert 2106 not in tags(plain)
    assert value(elements, 2107) == result


# --- against the dictionary ------------------------------------------------------------------------------


def as_fields(elements: list[Element] | tuple[Element, ...]) -> list[Field]:
    return [(e.tag, as_fields(e.children) if e.value is None else e.value) for e in elements]


def assert_allowed(elements: list[Element] | tuple[Element, ...], parent: int, version: FfdVersion) -> None:
    for e in elements:
        tag = registry()[e.tag]
        assert parent in tag.parents, f"{e.tag} may not stand in {parent}"
        assert version in tag.versions, f"{e.tag} is not in {version.name}"
        assert_allowed(e.children, e.tag, version)


names = st.text("абвгдАБВГД 123,.№", min_size=1, max_size=128)
sums = st.integers(1, 2**40 - 1)


@given(
    version=st.sampled_from(FfdVersion),
    correction=st.booleans(),
    operation=st.sampled_from(Operation),
    lines=st.lists(
        st.tuples(names, sums, st.integers(1, 2**48 - 1), st.sampled_from(VatRate), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    full=st.booleans(),
)
def test_every_document_is_what_the_dictionary_allows(version, correction, operation, lines, full):
    marked = version is V12
    receipt = a_sale(
        kind=ReceiptKind.CORRECTION if correction else ReceiptKind.SALE,
        operation=operation,
        ffd_version=version,
        correction=a_correction(by_order=True, number="5", operation=operation) if correction else None,
        lines=tuple(
            a_line(
                name=name,
                price_kop=Kopecks(price),
                quantity=Quantity(quantity),
                amount_kop=Kopecks(price),
                vat=vat,
                vat_kop=vat_inside(price, vat),
                subject=33 if marked and mark else 1,
                mark_code=MARK if marked and mark else None,
                mark_permission=MarkPermission(uuid="u", time="t") if marked and mark else None,
            )
            for name, price, quantity, vat, mark in lines
        ),
    )
    registration = a_registration(ffd_version=version)
    if full:
        receipt = replace(
            receipt,
            internet=True,
            place="shop.example.com",
            customer=Customer(email="a@b.ru", name="Ромашка", inn=BUYER_INN),
            sender_email="demo@example.com",
            cashier=Cashier(name="Петров", inn=CASHIER_INN),
            user_attribute=UserAttribute(name="a", value="b"),
        )
        registration = replace(registration, internet_only=True, auto_mode=True, machine_number="1")
    data = receipt_body(receipt, registration)
    elements = decode(data)
    assert encode(as_fields(elements)) == data  # types, sizes and shortest forms are those of the dictionary
    code = DocumentCode.CORRECTION if correction else DocumentCode.RECEIPT
    assert_allowed(elements, code, version)


def test_the_size_counts_what_the_fn_adds():
    registration = a_registration()
    receipt = a_sale()
    head = encode(
        [
            (1209, 4),
            (1041, registration.fn_number),
            (1037, registration.registration_number),
            (1018, registration.user_inn),
            (1040, 1),
            (1012, datetime(2026, 3, 14, 12, 0)),  # noqa: DTZ001 - wall clock
            (1077, bytes(6)),
            (1038, 1),
            (1042, 1),
        ]
    )
    assert len(element(3, head)) == HEAD_BYTES
    assert document_size(receipt, registration) == HEAD_BYTES + len(receipt_body(receipt, registration))
