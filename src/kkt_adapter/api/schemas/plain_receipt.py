"""The usual receipt, read without the models: lines, payments and single values, each written once.

Every value is read by the function that its field has in ``receipt_body``, so the result is the same request.
Anything unusual (a nested object, a null, an unknown name, two names for one field, a value that does not
fit) is left to the models, which say what is wrong. Without the models a receipt takes a third of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, PlainValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from kkt_adapter.api.schemas.names import forms
from kkt_adapter.api.schemas.receipt_body import MAX_LINES, MAX_PAYMENTS, LineBody, PaymentBody, ReceiptBody
from kkt_adapter.api.schemas.requisites_body import LINE_FIELDS, RECEIPT_FIELDS
from kkt_adapter.api.schemas.values import Refused
from kkt_adapter.fiscal.model import LineRequest, Payment, ReceiptRequest
from kkt_adapter.kernel.money import ONE

Reading = Callable[[object], Any]
Readings = Mapping[
    str, tuple[str, Reading]
]  # by the name as written: the name in the request, and how to read


def plain_request(document: Mapping[str, Any]) -> ReceiptRequest | None:
    """The request of a usual receipt; None: the models have to read it."""
    try:
        found = _values(document, _RECEIPT)
        if found is None or not found.keys() >= _REQUIRED:
            return None
        return ReceiptRequest(**found)
    except (_NotPlain, Refused):
        return None


class _NotPlain(Exception):
    pass


def _lines(written: object) -> tuple[LineRequest, ...]:
    return tuple([_line(one) for one in _entries(written, MAX_LINES)])


def _line(written: object) -> LineRequest:
    found = _object(written, _LINE)
    try:
        return LineRequest(**found) if "quantity" in found else LineRequest(**found, quantity=ONE)
    except TypeError:  # a field that it must have
        raise _NotPlain from None


def _payments(written: object) -> tuple[Payment, ...]:
    return tuple([_payment(one) for one in _entries(written, MAX_PAYMENTS)])


def _payment(written: object) -> Payment:
    found = _object(written, _PAYMENT)
    if len(found) != len(_PAYMENT_FIELDS):
        raise _NotPlain
    return Payment(**found)


def _entries(written: object, most: int) -> list[object]:
    if type(written) is not list or not 1 <= len(written) <= most:
        raise _NotPlain
    return written


def _object(written: object, readings: Readings) -> dict[str, Any]:
    found = _values(written, readings) if type(written) is dict else None
    if found is None:
        raise _NotPlain
    return found


def _values(written: Mapping[str, object], readings: Readings) -> dict[str, Any] | None:
    """None: a name or a value is out of the ordinary. Raises Refused: a value does not fit."""
    found: dict[str, Any] = {}
    for name, value in written.items():
        known = readings.get(name)
        if known is None or value is None or value == "":
            return None
        field, reading = known
        if field in found:
            return None
        found[field] = reading(value)
    return found


def _vat_rate(reading: Reading) -> Reading:
    def one_percent_sign(value: object) -> Any:
        if type(value) is str and value.count("%") > 1:
            raise _NotPlain
        return reading(value)

    return one_percent_sign


def _readings(
    body: type[BaseModel], form: forms.BodyForm, *, without: frozenset[str], renamed: Mapping[str, str]
) -> dict[str, tuple[str, Reading]]:
    """Of the fields of ``body`` that one function reads, under all of their names."""
    by_field: dict[str, tuple[str, Reading]] = {}
    for name, info in body.model_fields.items():
        reading = _only_reading(info)
        if reading is not None and name not in without:
            by_field[name] = (renamed.get(name, name), _vat_rate(reading) if name == "vat_rate" else reading)
    return {written: by_field[meant] for written, meant in form.names.items() if meant in by_field}


def _only_reading(info: FieldInfo) -> Reading | None:
    """The function of a field that has a ``PlainValidator`` and nothing else that looks at its value."""
    metadata: Sequence[object] = info.metadata
    if not metadata:  # of the value that an optional field has
        kinds = [kind for kind in get_args(info.annotation) if kind is not type(None)]
        metadata = kinds[0].__metadata__ if len(kinds) == 1 and get_origin(kinds[0]) is Annotated else ()
    looking = [one for one in metadata if not isinstance(one, WithJsonSchema | FieldInfo)]
    if len(looking) != 1 or not isinstance(looking[0], PlainValidator):
        return None
    return cast(Reading, looking[0].func)


_REQUIRED = frozenset({"pos_id", "kind", "lines", "payments"})
_PAYMENT_FIELDS = frozenset({"kind", "amount_kop"})
_LINE: Readings = _readings(
    LineBody,
    forms.LINE,
    without=LINE_FIELDS,
    renamed={"price": "price_kop", "total": "amount_kop", "vat_rate": "vat", "discount": "discount_kop"},
)
_PAYMENT: Readings = _readings(
    PaymentBody, forms.PAYMENT, without=frozenset(), renamed={"type": "kind", "amount": "amount_kop"}
)
_RECEIPT: Readings = {
    **_readings(
        ReceiptBody, forms.RECEIPT, without=RECEIPT_FIELDS, renamed={"type": "kind", "total": "total_kop"}
    ),
    "items": ("lines", _lines),
    "payments": ("payments", _payments),
}
