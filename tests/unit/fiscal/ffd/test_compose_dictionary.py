"""Receipts as TLV against the dictionary of tags, and their size."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from tests.support.messages.composed import MARK, V12
from tests.support.receipts import BUYER_INN, CASHIER_INN, a_correction, a_line, a_registration, a_sale

from kkt_adapter.fiscal.ffd.compose import HEAD_BYTES, document_size, receipt_body
from kkt_adapter.fiscal.ffd.tags import registry
from kkt_adapter.fiscal.ffd.tlv import Element, Field, decode, element, encode
from kkt_adapter.fiscal.ffd.vat import vat_inside
from kkt_adapter.fiscal.model import (
    Cashier,
    Customer,
    DocumentCode,
    FfdVersion,
    MarkPermission,
    Operation,
    ReceiptKind,
    UserAttribute,
    VatRate,
)
from kkt_adapter.kernel.money import Kopecks, Quantity


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
