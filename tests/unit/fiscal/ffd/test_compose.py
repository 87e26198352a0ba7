"""Receipts as TLV: what every version demands of sums, payments, buyers, corrections and marked goods."""

from datetime import datetime

import pytest
from tests.support.messages.composed import MARK, V11, V12, V105, body, one, tags, value
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

from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.ffd.tlv import Fvln, decode
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    FfdVersion,
    MarkPermission,
    Operation,
    PaymentKind,
    ReceiptKind,
    UserAttribute,
    VatRate,
)
from kkt_adapter.kernel.money import Quantity


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
