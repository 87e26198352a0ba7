"""One field, several names: from what a till wrote to the canonical names (docs/reference/http-api.md).

A canonical field and its other form together are allowed only if they mean the same. ``null`` means "not
said", except for the VAT rate, where it is one of the forms of "no VAT". Unknown fields are left out and
their names remembered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kkt_adapter.api.body import shown
from kkt_adapter.api.schemas import values, words
from kkt_adapter.api.schemas.names import foreign
from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.fiscal.ffd.measures import find_measure
from kkt_adapter.kernel.errors import Text, Violation

MAX_IGNORED = 20  # names of unknown fields kept for the log

Object = dict[str, Any]
_NULL_SPEAKS = "vat_rate"
_EMPTY_SAYS_NOTHING = frozenset({"mark_code", "unit", "subject", "method", "taxation"})


@dataclass(frozen=True, slots=True)
class BodyForm:
    """The names one kind of object may have."""

    names: Mapping[str, str]  # written -> canonical
    readings: Mapping[str, Callable[[object], object]]  # canonical, of those with other forms
    foreign: Mapping[str, str]  # words of other interfaces -> canonical


@dataclass(slots=True)
class Notes:
    """What the walk over one request finds besides the values."""

    ignored: set[str] = field(default_factory=set)
    violations: list[Violation] = field(default_factory=list)
    late: list[Violation] = field(
        default_factory=list
    )  # younger than some keys: a known key goes before them


_NOTHING_FOREIGN: Mapping[str, str] = MappingProxyType({})


def _shape(
    canonical: str,
    others: str = "",
    /,
    foreign: Mapping[str, str] = _NOTHING_FOREIGN,
    **readings: Callable[[object], object],
) -> BodyForm:
    names = {name: name for name in canonical.split()}
    for pair in others.split():
        other, _, name = pair.partition(">")
        names[other] = name
    return BodyForm(MappingProxyType(names), MappingProxyType(readings), foreign)


RECEIPT = _shape(
    "pos_id type items payments total original_receipt_id correction customer order_id cashier taxation "
    "internet place address additional_attribute user_attribute agent supplier industry operation_attribute "
    "cashless device_number timezone no_print refund_force_reason",
    "original_fiscal_doc_id>original_receipt_id",
    foreign=foreign.RECEIPT,
    original_receipt_id=values.identifier(128),
)
LINE = _shape(
    "name price quantity total vat_rate sku mark_code mark_permission discount subject method unit agent "
    "supplier excise_tax country customs_declaration line_attribute mark_quantity planned_status industry "
    "wholesale",
    "qty>quantity sum>total amount>total vat>vat_rate tax>vat_rate tax_rate>vat_rate "
    "payment_object>subject payment_method>method measure>unit",
    foreign=foreign.LINE,
    quantity=values.quantity,
    total=values.amount_or_zero,
    vat_rate=values.vat_rate,
    subject=words.subject,
    method=words.method,
    unit=lambda unit: find_measure(values.unit(unit)),
)
PAYMENT = _shape(
    "type amount", "method>type sum>amount", type=words.payment_kind, amount=values.amount_or_zero
)
CORRECTION = _shape("type date number operation fiscal_sign sums", foreign=foreign.CORRECTION)
CUSTOMER = _shape(
    "email phone name inn birth_date citizenship document_code document_data address",
    foreign=foreign.CUSTOMER,
)
CASHIER = _shape("name inn")
USER_ATTRIBUTE = _shape("name value")
MARK_PERMISSION = _shape("uuid time inst ver blocked")
AGENT = _shape(
    "type operation phones operator_phones transfer_phones transfer_name transfer_address transfer_inn"
)
SUPPLIER = _shape("name inn phones")
MARK_QUANTITY = _shape("numerator denominator")
INDUSTRY = _shape("federal_id date number value")
OPERATION_ATTRIBUTE = _shape("id data time")
CASHLESS = _shape("amount method id info", "sum>amount", amount=values.amount)
VAT_SUM = _shape("vat_rate amount vat", "sum>amount", vat_rate=values.vat_rate, amount=values.amount)

MAX_NESTED = 100  # entries of a list inside a line or a receipt that are looked at; more are refused anyway

NESTED_OF_LINE: Mapping[str, BodyForm] = MappingProxyType(
    {
        "mark_permission": MARK_PERMISSION,
        "agent": AGENT,
        "supplier": SUPPLIER,
        "mark_quantity": MARK_QUANTITY,
        "industry": INDUSTRY,
    }
)
NESTED_OF_RECEIPT: Mapping[str, BodyForm] = MappingProxyType(
    {
        "correction": CORRECTION,
        "customer": CUSTOMER,
        "cashier": CASHIER,
        "user_attribute": USER_ATTRIBUTE,
        "agent": AGENT,
        "supplier": SUPPLIER,
        "industry": INDUSTRY,
        "operation_attribute": OPERATION_ATTRIBUTE,
        "cashless": CASHLESS,
    }
)
NESTED_OF_CORRECTION: Mapping[str, BodyForm] = MappingProxyType({"sums": VAT_SUM})


def canonical(written: object, shape: BodyForm, place: str, notes: Notes) -> Any:
    """An object under canonical names; anything that is no object is handed on for the model to refuse."""
    if type(written) is not dict:
        return written
    found: Object = {}
    names = shape.names
    nulls: list[str] = []
    for name, value in written.items():
        meant = names.get(name)
        if meant is None:
            _note_unknown(name, value, shape, place, notes)
        elif _is_unsaid(meant, value):
            nulls.append(name)
        elif meant in found:
            _check_same(shape, meant, found[meant], value, f"{place}{name}", notes)
        else:
            found[meant] = value
            if meant == "vat_rate" and type(value) is str and value.count("%") > 1:
                notes.late.append(_double_percent(f"{place}vat_rate"))
    if "quantity" not in found and any(names[name] == "quantity" for name in nulls):
        notes.late.append(_null_quantity(f"{place}quantity"))
    return found


def _note_unknown(name: str, value: object, shape: BodyForm, place: str, notes: Notes) -> None:
    """A word of another interface is refused, any other unknown field is remembered."""
    ours = shape.foreign.get(name)
    if ours is not None and value is not None:
        if len(notes.late) < MAX_IGNORED:
            notes.late.append(foreign.refusal(f"{place}{name}", ours))
    elif len(notes.ignored) < MAX_IGNORED:
        notes.ignored.add(f"{place}{shown(name)}")


def canonical_all(written: object, shape: BodyForm, place: str, notes: Notes, *, most: int) -> Any:
    """A list of objects; a longer one is handed on as it is, because it is refused anyway."""
    if type(written) is not list or len(written) > most:
        return written
    return [canonical(one, shape, f"{place}.{index}.", notes) for index, one in enumerate(written)]


def written_place(document: object, place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place by the names the client used: ``items, 0, quantity`` may have been ``items, 0, qty``."""
    steps: list[int | str] = []
    shape: BodyForm | None = RECEIPT
    for step in place:
        name = step
        if isinstance(document, dict):
            if shape is not None and step not in document:
                name = next((n for n, meant in shape.names.items() if meant == step and n in document), step)
            document = document.get(name)
            shape = _SHAPE_OF.get(str(step), shape)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        steps.append(name)
    return tuple(steps)


_SHAPE_OF: Mapping[str, BodyForm] = MappingProxyType(
    {
        "items": LINE,
        "payments": PAYMENT,
        **NESTED_OF_RECEIPT,
        **NESTED_OF_LINE,
        **NESTED_OF_CORRECTION,
    }
)


def _is_unsaid(meant: str, value: object) -> bool:
    if value is None:
        return meant != _NULL_SPEAKS
    return value == "" and meant in _EMPTY_SAYS_NOTHING


def _null_quantity(place: str) -> Violation:
    return Violation(
        field=place,
        code="null_quantity",
        message=Text("null is no quantity, and it does not mean 1", "null не количество и не означает 1"),
        remedy=Text(
            "Send the number sold, or leave the field out for 1.",
            "Передайте количество; для 1 поле можно не передавать.",
        ),
        tag=1023,
    )


def _double_percent(place: str) -> Violation:
    return Violation(
        field=place,
        code="unknown_value",
        message=Text("has more than one percent sign", "больше одного знака процента"),
        remedy=Text("Send 22, 10, 20%, 22/122, none ...", "Передайте 22, 10, 20%, 22/122, none ..."),
        tag=1199,
    )


def _check_same(shape: BodyForm, name: str, first: object, second: object, place: str, notes: Notes) -> None:
    try:
        reading = shape.readings.get(name)
        same = first == second if reading is None else reading(first) == reading(second)
    except Refused:
        same = False
    if not same:
        notes.violations.append(
            Violation(
                field=place,
                code="conflicting_forms",
                message=Text(
                    f"contradicts the other form of {name} in the same object",
                    f"противоречит другой форме поля {name} в том же объекте",
                ),
                remedy=Text(f"Send {name} only.", f"Передайте только {name}."),
            )
        )
