"""The slip as a buyer's public page shows it: the address may be passed on, so that what names the buyer is
masked. Seller, goods, sums and fiscal numbers stay: they are what the page is for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from kkt_adapter.fiscal.slip.content import Content, Row

CHECK_URL = "https://kkt-online.nalog.ru/"
"""Where the tax service checks receipts by FN, FD and FP. Source: inferred from the service's own page."""

HIDDEN = "•••"


def masked(shown: Content) -> Content:
    """The same with the buyer's contact, name, INN and documents masked."""
    return replace(shown, facts=tuple(_masked(row) for row in shown.facts))


def masked_contact(contact: str) -> str:
    """``ivan@mail.ru`` -> ``i•••@mail.ru``; ``+79161234567`` -> ``•••67``."""
    name, at, host = contact.rpartition("@")
    if at:
        return f"{name[:1]}{HIDDEN}@{host}"
    return f"{HIDDEN}{contact[-2:]}" if len(contact) > 4 else HIDDEN


def _masked(row: Row) -> Row:
    label, value = row
    mask = _MASKS.get(label)
    return row if mask is None else (label, mask(value))


def _tail(value: str) -> str:
    return f"{HIDDEN}{value[-2:]}" if len(value) > 4 else HIDDEN


def _hidden(value: str) -> str:
    return HIDDEN


_MASKS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "Эл. адрес покупателя": masked_contact,
        "Телефон покупателя": masked_contact,
        "Покупатель": _hidden,
        "ИНН покупателя": _tail,
        "Дата рождения": _hidden,
        "Гражданство": _hidden,
        "Документ покупателя": _hidden,
        "Адрес покупателя": _hidden,
    }
)
