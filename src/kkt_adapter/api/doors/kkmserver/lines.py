"""A ``Register`` of CheckStrings: from Price before and Amount after the discount to lines of the core.

The fiscal unit price is what the line really costs by the piece. Where that is no whole number of kopecks
the line is split: all pieces but one at the price rounded down, one with the rest. A line with a marking code
or a broken quantity is never split: its sum is handed on as it is, and the core judges it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.fields import Fields, names, rounded
from kkt_adapter.api.doors.kkmserver.marks import mark_of
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, refused
from kkt_adapter.fiscal.requisites import AgentType
from kkt_adapter.kernel.money import Kopecks, kopecks, rubles
from kkt_adapter.kernel.quick import quickly_made

Line = dict[str, Any]
Number = int | Decimal
"""A finite one, as ``Fields.exact`` gives it."""

NAME_LIMIT: Final = 255  # of the core; the document takes the first 128 (tag 1030)
_HALF_KOPECK: Final = Decimal("0.5")

VAT: Final[Mapping[int, str]] = MappingProxyType(
    {
        -1: "none",
        0: "0",
        5: "5",
        7: "7",
        10: "10",
        20: "20",
        22: "22",
        105: "5/105",
        107: "7/107",
        110: "10/110",
        120: "20/120",
        122: "22/122",
    }
)
"""``Tax`` of a line. -1, 0, 10, 20, 110, 120: salesduck/kkmserver-types:src; 5, 7, 22, 105, 107, 122:
DJAlone1992/kkmServerClasses:src/Tax.php (2026-04)."""

_RENAMED: Final = (
    ("SignMethodCalculation", "method"),
    ("SignCalculationObject", "subject"),
)
_TEXTS: Final = (
    ("CustomsDeclaration", "customs_declaration"),
    ("AdditionalAttribute", "line_attribute"),
)
_AGENT: Final = (
    ("PayingAgentOperation", "operation"),
    ("MoneyTransferOperatorName", "transfer_name"),
    ("MoneyTransferOperatorAddress", "transfer_address"),
    ("MoneyTransferOperatorVATIN", "transfer_inn"),
)
_AGENT_PHONES: Final = (
    ("PayingAgentPhone", "phones"),
    ("ReceivePaymentsOperatorPhone", "operator_phones"),
    ("MoneyTransferOperatorPhone", "transfer_phones"),
)
_REQUISITES: Final = names(
    "Tax",
    *(theirs for theirs, _ in (*_RENAMED, *_TEXTS)),
    "MeasureOfQuantity",
    "MeasurementUnit",
    "CountryOfOrigin",
    "ExciseAmount",
    "Department",
)
AGENTS: Final = names("AgentSign", "AgentData", "PurveyorData")
_SELDOM: Final = _REQUISITES | AGENTS


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Some pieces of one line: how many, at what fiscal price, and what they come to."""

    quantity: Number
    price_kop: Kopecks
    amount_kop: Kopecks


def lines_of(register: Fields) -> list[Line]:
    """The core's lines of one Register. Raises CommandRefused."""
    name = register.text("Name")
    if name is None:
        raise refused(
            "name_missing",
            f"{register.written('Name')} is empty.",
            f"Поле {register.written('Name')} пустое: укажите название товара.",
        )
    mark = mark_of(register)
    common: Line = {"name": name.strip()[:NAME_LIMIT]}
    if register.has_any(_SELDOM):
        common |= _requisites(register)
        common |= agent_of(register)
    if mark.code is not None:
        common["mark_code"] = mark.code
    if mark.article is not None:
        common["sku"] = mark.article
    quantity, part = _quantity(register, marked=mark.code is not None)
    if part is not None:
        common["mark_quantity"] = part
    price = register.exact("Price")
    whole = _pieces(register, quantity, price, may_split=mark.code is None)
    return [_line(common, one, price) for one in whole]


def _line(common: Line, pieces: Pieces, price: Number | None) -> Line:
    line = {
        **common,
        "quantity": pieces.quantity,
        "price": in_rubles(pieces.price_kop),
        "total": in_rubles(pieces.amount_kop),
    }
    before = Kopecks(0) if price is None else rounded(price * 100 * pieces.quantity)
    if before > pieces.amount_kop:
        line["discount"] = in_rubles(before - pieces.amount_kop)
    return line


def in_rubles(amount_kop: int) -> int | Decimal:
    """A sum for the core, which reads a whole number quickest."""
    whole, rest = divmod(amount_kop, 100)
    return Decimal(rubles(amount_kop)) if rest else whole


def _quantity(register: Fields, *, marked: bool) -> tuple[Number, dict[str, int] | None]:
    """How many, and the part of a marked pack (1291) where PackageQuantity names its denominator."""
    quantity = register.exact("Quantity")
    if quantity is None:
        quantity = 1
    if quantity <= 0:
        raise refused(
            "quantity",
            f"{register.written('Quantity')} must be above zero.",
            f"Поле {register.written('Quantity')} должно быть больше нуля.",
        )
    pack = register.whole("PackageQuantity")
    if pack is None or pack <= 1 or not marked:
        return quantity, None
    if quantity != int(quantity) or quantity >= pack:
        raise refused(
            "package_quantity",
            f"{register.written('PackageQuantity')}: Quantity must be a whole number below it.",
            f"Поле {register.written('PackageQuantity')}: Quantity должно быть целым и меньше него.",
        )
    return 1, {"numerator": int(quantity), "denominator": pack}


def _pieces(
    register: Fields, quantity: Number, price: Number | None, *, may_split: bool
) -> tuple[Pieces, ...]:
    amount = register.exact("Amount")
    if price is not None and price < 0:
        raise _negative(register, "Price")
    if amount is not None and amount < 0:
        raise _negative(register, "Amount")
    if amount is None and price is None:
        raise refused(
            "price_missing",
            f"{register.place}: neither Price nor Amount is given.",
            f"{register.place}: не указаны ни Price, ни Amount.",
        )
    if amount is None:
        assert price is not None
        amount = price * quantity
    return split(quantity, price, kopecks(amount), may_split=may_split)


def _negative(register: Fields, name: str) -> CommandRefused:
    return refused(
        "negative",
        f"{register.written(name)} is below zero.",
        f"Поле {register.written(name)} меньше нуля: скидку учтите в Amount.",
    )


def split(
    quantity: Number, price: Number | None, amount_kop: Kopecks, *, may_split: bool
) -> tuple[Pieces, ...]:
    """The pieces whose prices are whole kopecks; ``price`` is before the discount, in rubles."""
    if price is not None:
        whole = rounded(price * 100)
        if price * 100 == whole and -_HALF_KOPECK <= whole * quantity - amount_kop <= _HALF_KOPECK:
            return (Pieces(quantity=quantity, price_kop=whole, amount_kop=amount_kop),)
    exact = Decimal(amount_kop) / quantity
    unit = rounded(exact)
    if -_HALF_KOPECK <= unit * quantity - amount_kop <= _HALF_KOPECK:
        return (Pieces(quantity=quantity, price_kop=unit, amount_kop=amount_kop),)
    if not may_split or quantity != int(quantity):
        return (Pieces(quantity=quantity, price_kop=unit, amount_kop=amount_kop),)
    low = Kopecks(int(exact.to_integral_value(rounding=ROUND_FLOOR)))
    most = Kopecks(low * (int(quantity) - 1))
    rest = Kopecks(amount_kop - most)
    return (
        Pieces(quantity=quantity - 1, price_kop=low, amount_kop=most),
        Pieces(quantity=1, price_kop=rest, amount_kop=rest),
    )


def vat_of(register: Fields) -> str | None:
    """``Tax`` as the core names it; None: not said. Raises CommandRefused."""
    tax = register.whole("Tax")
    if tax is None:
        return None
    if tax in (18, 118):
        raise refused(
            "vat_18",
            f"{register.written('Tax')}: the rate of 18 % ended in 2018. Send 22, or 20 for older goods.",
            f"Поле {register.written('Tax')}: ставки 18 % нет с 2019 года. Укажите 22 (или 20 для отгрузок "
            "до 2026 года).",
        )
    rate = VAT.get(tax)
    if rate is None:
        known = ", ".join(str(code) for code in VAT)
        raise refused(
            "vat_unknown",
            f"{register.written('Tax')}: no such rate. One of: {known}.",
            f"Поле {register.written('Tax')}: такой ставки нет. Допустимо: {known}.",
        )
    return rate


def _requisites(register: Fields) -> Line:
    found: Line = {}
    rate = vat_of(register)
    if rate is not None:
        found["vat_rate"] = rate
    for theirs, ours in _RENAMED:
        code = register.whole(theirs)
        if code:
            found[ours] = code
    for theirs, ours in _TEXTS:
        text = register.text(theirs)
        if text is not None:
            found[ours] = text
    measure, unit = register.whole("MeasureOfQuantity"), register.text("MeasurementUnit")
    if measure is not None:
        found["unit"] = measure
    elif unit is not None:
        found["unit"] = unit
    country = register.text("CountryOfOrigin")
    if country is not None and country.strip("0"):
        found["country"] = country.strip().zfill(3)
    excise = register.money("ExciseAmount")
    if excise:
        found["excise_tax"] = in_rubles(excise)
    register.value("Department")  # a section of the original's own counters
    return found


def agent_of(place: Fields) -> Line:
    """``agent`` and ``supplier`` of a line or of the whole receipt."""
    found: Line = {}
    if not place.has_any(AGENTS):
        return found
    sign = place.whole("AgentSign")
    data, supplier = place.object("AgentData"), place.object("PurveyorData")
    if sign is not None and sign >= 0:
        if sign > 6:
            raise refused(
                "agent_sign",
                f"{place.written('AgentSign')} must be 0 to 6.",
                f"Поле {place.written('AgentSign')} должно быть от 0 до 6.",
            )
        found["agent"] = {"type": AgentType(1 << sign).name.lower(), **_agent_data(data)}
    if supplier is not None:
        said = {
            "name": supplier.text("PurveyorName"),
            "inn": supplier.text("PurveyorVATIN"),
            "phones": _phones(supplier.text("PurveyorPhone")),
        }
        said = {name: value for name, value in said.items() if value}
        if said:
            found["supplier"] = said
    return found


def _agent_data(data: Fields | None) -> Line:
    if data is None:
        return {}
    texts = {ours: data.text(theirs) for theirs, ours in _AGENT}
    phones = {ours: _phones(data.text(theirs)) for theirs, ours in _AGENT_PHONES}
    return {name: value for name, value in {**texts, **phones}.items() if value}


def _phones(written: str | None) -> list[str]:
    """One text that may hold several numbers."""
    if written is None:
        return []
    return [one.strip() for one in written.replace(";", ",").split(",") if one.strip()]
