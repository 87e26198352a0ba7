"""The buyer's contact."""

import pytest

from kkt_adapter.fiscal.ffd.contact import buyer_contact, canonical_phone, is_email
from kkt_adapter.fiscal.model import Customer


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("+79991234567", "+79991234567"),
        ("+7 (999) 123-45-67", "+79991234567"),
        ("89991234567", "+79991234567"),  # the way Russians dial
        ("79991234567", "+79991234567"),
        ("9991234567", "+79991234567"),
        (" +7 999 123\u201145\u201167 ", "+79991234567"),  # from a page: dashes that do not break
        ("8 (999) 123\u201345\u221267", "+79991234567"),
        ("+375291234567", "+375291234567"),
        ("375291234567", None),  # 12 digits without a plus: whose country?
        ("+7", None),
        ("123", None),
        ("+7999123456x", None),
        ("+1234567890123456", None),  # 16 digits, E.164 has 15
        ("", None),
    ],
)
def test_a_telephone_number_is_plus_and_digits(text, phone):
    assert canonical_phone(text) == phone


@pytest.mark.parametrize("text", ["a@b.ru", "first.last+tag@mail.example.com", "почта@пример.рф"])
def test_an_address_is_taken(text):
    assert is_email(text)


@pytest.mark.parametrize(
    "text", ["", "a", "a@b", "@b.ru", "a@.ru", "a@b.", "a b@c.ru", "a@b@c.ru", "a@b..ru", "x" * 60 + "@b.ru"]
)
def test_what_is_no_address_is_not_taken(text):
    assert not is_email(text)


@pytest.mark.parametrize(
    ("customer", "contact"),
    [
        (None, None),
        (Customer(name="A"), None),
        (Customer(phone="+79991234567"), "+79991234567"),
        (Customer(email="a@b.ru", phone="+79991234567"), "a@b.ru"),  # one contact, and mail is free
    ],
)
def test_one_contact_goes_into_the_receipt(customer, contact):
    assert buyer_contact(customer) == contact
