"""Tax system, Internet settlements, place and address."""

import pytest
from tests.support.receipts import (
    a_payment,
    a_profile,
    a_registration,
    a_request,
    checked,
    refusals,
    some_defaults,
)

from kkt_adapter.fiscal.model import Customer, FfdVersion, PaymentKind, ReceiptRequest, RegisterProfile

SITE = "shop.example.com"
BUYER = Customer(email="buyer@example.com")
CARD = (a_payment(10_000, PaymentKind.CARD),)


def found(
    request: ReceiptRequest, profile: RegisterProfile | None = None
) -> list[tuple[str, str, int | None]]:
    return [(v.field, v.code, v.tag) for v in refusals(request, profile)]


@pytest.mark.parametrize(
    ("mask", "configured", "wanted", "taxation"),
    [
        (1, None, None, 1),  # only one: that one
        (32, None, None, 32),
        (1 | 2, 2, None, 2),
        (1 | 2, 2, 1, 1),
        (1 | 2, None, 2, 2),
    ],
)
def test_the_tax_system_is_one_of_the_registration(mask, configured, wanted, taxation):
    profile = a_profile(
        registration=a_registration(taxation_mask=mask), defaults=some_defaults(taxation=configured)
    )
    assert checked(a_request(taxation=wanted), profile).receipt.taxation == taxation


@pytest.mark.parametrize(
    ("mask", "wanted", "code"),
    [
        (1, 2, "taxation_registered"),
        (1 | 2, 3, "taxation_registered"),  # two bits are two systems
        (1, 0, "taxation_registered"),
        (1, -1, "taxation_registered"),
        (1, 64, "taxation_registered"),
        (1 | 2, None, "taxation_missing"),
    ],
)
def test_another_tax_system_is_refused(mask, wanted, code):
    profile = a_profile(registration=a_registration(taxation_mask=mask))
    assert found(a_request(taxation=wanted), profile) == [("taxation", code, 1055)]


@pytest.mark.parametrize("version", FfdVersion)
def test_an_internet_settlement_has_a_contact_a_site_and_no_cash(version):
    profile = a_profile(registration=a_registration(ffd_version=version))
    request = a_request(internet=True, customer=BUYER, payments=CARD, place=SITE)
    receipt = checked(request, profile).receipt
    assert receipt.internet
    assert receipt.place == SITE


def test_everything_that_is_missing_is_said_at_once():
    assert found(a_request(internet=True)) == [
        ("payments.0.type", "internet_cash", 1031),
        ("customer", "internet_contact", 1008),
        ("place", "internet_site", 1187),
    ]


def test_the_site_comes_from_the_configuration():
    profile = a_profile(defaults=some_defaults(internet=True, site=SITE))
    receipt = checked(a_request(customer=BUYER, payments=CARD), profile).receipt
    assert (receipt.internet, receipt.place) == (True, SITE)


def test_the_request_can_switch_the_configured_sign_off():
    profile = a_profile(defaults=some_defaults(internet=True, site=SITE))
    receipt = checked(a_request(internet=False), profile).receipt
    assert (receipt.internet, receipt.place) == (False, None)


@pytest.mark.parametrize(
    "site", ["shop.example.com", "https://shop.example.com/path?x=1", "пример.рф", "SHOP.RU:8443/a"]
)
def test_addresses_of_sites(site):
    request = a_request(internet=True, customer=BUYER, payments=CARD, place=site)
    assert checked(request).receipt.place == site


@pytest.mark.parametrize("site", ["Касса 1", "shop", "a b.ru", "buyer@example.com", ".ru", "shop.r"])
def test_what_is_no_address_of_a_site(site):
    request = a_request(internet=True, customer=BUYER, payments=CARD, place=site)
    assert found(request) == [("place", "internet_site", 1187)]


def test_a_contact_that_is_wrong_is_refused_once():
    request = a_request(internet=True, customer=Customer(email="x"), payments=CARD, place=SITE)
    assert found(request) == [("customer.email", "contact_email", 1008)]


def test_a_register_for_the_internet_only_is_always_in_the_internet():
    profile = a_profile(registration=a_registration(internet_only=True, place=SITE))
    receipt = checked(a_request(customer=BUYER, payments=CARD), profile).receipt
    assert (receipt.internet, receipt.place) == (True, None)  # as registered
    refused = found(a_request(customer=BUYER, payments=CARD, internet=False), profile)
    assert refused == [("internet", "internet_registered", 1125)]


DELIVERY = a_profile(defaults=some_defaults(other_place=True))


@pytest.mark.parametrize(
    ("changes", "field", "tag"),
    [({"place": "Курьер 5"}, "place", 1187), ({"address": "г. Тверь"}, "address", 1009)],
)
def test_another_place_needs_the_setting(changes, field, tag):
    assert found(a_request(**changes)) == [(field, "place_registered", tag)]
    receipt = checked(a_request(**changes), DELIVERY).receipt
    assert getattr(receipt, field) == changes[field]


def test_the_registered_place_said_again_is_fine():
    registration = a_registration()
    receipt = checked(a_request(place=registration.place, address=registration.address)).receipt
    assert (receipt.place, receipt.address) == (None, None)


def test_an_internet_settlement_elsewhere_still_needs_the_setting_for_its_address():
    request = a_request(internet=True, customer=BUYER, payments=CARD, place=SITE, address="г. Тверь")
    assert found(request) == [("address", "place_registered", 1009)]


def test_texts_of_a_place_are_fitted_and_not_too_long():
    result = checked(a_request(address="г. Тверь – центр"), DELIVERY)
    assert result.receipt.address == "г. Тверь - центр"
    assert [(w.code, w.field, w.tag) for w in result.warnings] == [("NAME_CHANGED", "address", 1009)]
    assert found(a_request(address="x" * 257, place="y" * 257), DELIVERY) == [
        ("place", "too_long", 1187),
        ("address", "too_long", 1009),
    ]
