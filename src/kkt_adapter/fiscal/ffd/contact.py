"""The buyer's contact of tag 1008: one e-mail address or one telephone number."""

import re

from kkt_adapter.fiscal.model import Customer

CONTACT_LIMIT = 64  # tag 1008

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+\Z")
_SEPARATORS = re.compile("[\\s().\u2010-\u2015\u2212\u00ad\u200b-]+")  # dashes of all widths
_PHONE = re.compile(r"\+?[0-9]{10,15}\Z")


def is_email(text: str) -> bool:
    return len(text) <= CONTACT_LIMIT and _EMAIL.match(text) is not None


def canonical_phone(text: str) -> str | None:
    """``+`` and digits, as the tag wants it; None when it is no telephone number.

    Without the plus a number is Russian: 11 digits from 7 or 8, or the last 10 of them.
    """
    digits = _SEPARATORS.sub("", text)
    if _PHONE.match(digits) is None:
        return None
    if digits[0] == "+":
        return digits
    if len(digits) == 10:
        return "+7" + digits
    if len(digits) == 11 and digits[0] in "78":
        return "+7" + digits[1:]
    return None


def buyer_contact(customer: Customer | None) -> str | None:
    """What goes into 1008: the e-mail address if there is one, else the telephone number."""
    if customer is None:
        return None
    return customer.email or customer.phone
