"""Cashier and buyer."""

import pytest
from tests.support.receipts import (
    BUYER_INN,
    CASHIER_INN,
    a_profile,
    a_registration,
    a_request,
    checked,
    refusals,
    some_defaults,
)

from kkt_adapter.fiscal.model import Cashier, Customer

WITH_INN = a_profile(defaults=some_defaults(cashier="Кассир", cashier_inn=CASHIER_INN))
OTHER_INN = "123456789047"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, Cashier(name="Кассир", inn=CASHIER_INN)),
        (Cashier(), Cashier(name="Кассир", inn=CASHIER_INN)),
        (Cashier(name="Кассир"), Cashier(name="Кассир", inn=CASHIER_INN)),
        (Cashier(name="Петров"), Cashier(name="Петров")),  # the configured INN is not Petrov's
        (Cashier(name="Петров", inn=OTHER_INN), Cashier(name="Петров", inn=OTHER_INN)),
        (Cashier(inn=OTHER_INN), Cashier(name="Кассир", inn=OTHER_INN)),
        (Cashier(name=" Петров "), Cashier(name="Петров")),
    ],
)
def test_the_cashier_of_the_request_goes_first(wanted, expected):
    result = checked(a_request(cashier=wanted), WITH_INN)
    assert result.receipt.cashier == expected
    assert result.warnings == ()


def test_a_name_outside_cp866_is_fitted():
    result = checked(a_request(cashier=Cashier(name="Иванова — старшая")))
    assert result.receipt.cashier.name == "Иванова - старшая"
    assert [(w.code, w.field, w.tag) for w in result.warnings] == [("NAME_CHANGED", "cashier.name", 1021)]


def test_a_configured_name_is_fitted_without_a_warning_for_every_receipt():
    result = checked(a_request(), a_profile(defaults=some_defaults(cashier="Иванова — старшая")))
    assert result.receipt.cashier.name == "Иванова - старшая"
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("cashier", "field", "code"),
    [
        (Cashier(name="x" * 65), "cashier.name", "too_long"),
        (Cashier(inn="500100732258"), "cashier.inn", "cashier_inn"),  # wrong check digit
        (Cashier(inn=BUYER_INN), "cashier.inn", "cashier_inn"),  # 10 digits: a company
        (Cashier(inn="abc"), "cashier.inn", "cashier_inn"),
    ],
)
def test_a_cashier_that_does_not_fit_is_refused(cashier, field, code):
    assert [(v.field, v.code) for v in refusals(a_request(cashier=cashier))] == [(field, code)]


def test_the_longest_name_is_accepted():
    assert checked(a_request(cashier=Cashier(name="x" * 64))).receipt.cashier.name == "x" * 64


@pytest.mark.parametrize(
    ("registration", "needed"),
    [
        (a_registration(), True),
        (a_registration(auto_mode=True, machine_number="1"), False),  # 1001: nobody is there
    ],
)
def test_a_cashier_is_named_unless_there_is_none(registration, needed):
    profile = a_profile(registration=registration, defaults=some_defaults(cashier=None))
    found = [(v.field, v.code, v.tag) for v in refusals(a_request(), profile)]
    assert found == ([("cashier", "cashier_missing", 1021)] if needed else [])


def test_a_register_for_the_internet_only_needs_no_cashier():
    profile = a_profile(
        registration=a_registration(internet_only=True, place="shop.example.com"),
        defaults=some_defaults(cashier=None),
    )
    found = refusals(a_request(customer=Customer(email="a@b.ru")), profile)
    assert "cashier_missing" not in [v.code for v in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, None),
        (Customer(), None),
        (Customer(email="", phone="", name="", inn=""), None),
        (Customer(email="a@b.ru"), Customer(email="a@b.ru")),
        (Customer(phone="8 (999) 123-45-67"), Customer(phone="+79991234567")),
        (Customer(name="ООО Ромашка", inn=BUYER_INN), Customer(name="ООО Ромашка", inn=BUYER_INN)),
        (Customer(inn=CASHIER_INN), Customer(inn=CASHIER_INN)),  # a person's INN has 12 digits
    ],
)
def test_the_buyer(wanted, expected):
    assert checked(a_request(customer=wanted)).receipt.customer == expected


@pytest.mark.parametrize(
    ("customer", "sender"),
    [
        (Customer(email="a@b.ru"), "demo@example.com"),
        (Customer(phone="+79991234567"), "demo@example.com"),
        (Customer(name="A"), None),  # nothing is sent to anybody
        (None, None),
    ],
)
def test_the_sellers_address_goes_with_a_contact(customer, sender):
    assert checked(a_request(customer=customer)).receipt.sender_email == sender


@pytest.mark.parametrize(
    ("customer", "field", "code", "tag"),
    [
        (Customer(email="not an address"), "customer.email", "contact_email", 1008),
        (Customer(email="日本@example.com"), "customer.email", "contact_email", 1008),
        (Customer(email="x" * 60 + "@b.ru"), "customer.email", "contact_email", 1008),
        (Customer(phone="12"), "customer.phone", "contact_phone", 1008),
        (Customer(inn="7707083894"), "customer.inn", "buyer_inn", 1228),
        (Customer(inn="000000000000"), "customer.inn", "buyer_inn", 1228),  # the filler for "none"
        (Customer(name="x" * 257), "customer.name", "too_long", 1227),
    ],
)
def test_a_buyer_that_does_not_fit_is_refused(customer, field, code, tag):
    assert [(v.field, v.code, v.tag) for v in refusals(a_request(customer=customer))] == [(field, code, tag)]


def test_a_buyers_name_outside_cp866_is_fitted():
    result = checked(a_request(customer=Customer(name="ООО «Ромашка»")))
    assert result.receipt.customer == Customer(name='ООО "Ромашка"')
    assert [(w.code, w.field, w.tag) for w in result.warnings] == [("NAME_CHANGED", "customer.name", 1227)]
