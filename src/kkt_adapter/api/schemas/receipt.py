"""The body of POST /v1/kkt/receipt: from its bytes to the canonical ``ReceiptRequest``, in one pass.

``forms`` brings the names to those of the contract, ``receipt_body`` the values; what remains, whether the
sums agree and what the law says of it, is the fiscal room's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from kkt_adapter.api.body import json_object
from kkt_adapter.api.schemas import values
from kkt_adapter.api.schemas.findings import dotted, violation_of
from kkt_adapter.api.schemas.names import forms
from kkt_adapter.api.schemas.names.first_names import first_names_only
from kkt_adapter.api.schemas.plain_receipt import plain_request
from kkt_adapter.api.schemas.receipt_body import (
    MAX_LINES,
    MAX_PAYMENTS,
    CashierBody,
    CorrectionBody,
    CorrectionBySumsBody,
    CustomerBody,
    LineBody,
    ReceiptBody,
)
from kkt_adapter.api.schemas.repair import repaired
from kkt_adapter.api.schemas.requisites_body import line_extras, receipt_extras
from kkt_adapter.fiscal import model
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.model import LineRequest, ReceiptRequest
from kkt_adapter.kernel.errors import ReceiptInvalid, Text, Violation
from kkt_adapter.kernel.ids import PosId
from kkt_adapter.kernel.quick import quickly_made

_TAGS: Mapping[str, int] = MappingProxyType(
    {
        "items.name": 1030,
        "items.price": 1079,
        "items.quantity": 1023,
        "items.total": 1043,
        "items.vat_rate": 1199,
        "items.subject": 1212,
        "items.method": 1214,
        "items.unit": 2108,
        "items": 1059,
        "total": 1020,
        "taxation": 1055,
        "internet": 1125,
        "place": 1187,
        "address": 1009,
        "cashier": 1021,
        "cashier.name": 1021,
        "cashier.inn": 1203,
        "additional_attribute": 1192,
        "user_attribute": 1084,
        "user_attribute.name": 1085,
        "user_attribute.value": 1086,
        "correction.type": 1173,
        "correction.date": 1178,
        "correction.number": 1179,
        "correction.operation": 1054,
        "correction.fiscal_sign": 1192,
        "type": 1054,
    }
)
"""The tag a canonical field ends up in, for the findings."""


_NOBODY = model.Customer()


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReceipt:
    request: ReceiptRequest
    sent: AsSent
    ignored: tuple[str, ...]  # names of unknown fields, at most 20, sorted


def parse_receipt(raw: bytes) -> ParsedReceipt:
    """The till's wish, canonical.

    Raises:
        RequestInvalid: the body is not one JSON object.
        ReceiptInvalid: every field that does not fit, named as the client wrote it.
    """
    parsed = read_receipt(raw)
    if parsed.sent.broken:
        raise parsed.sent.refusal(parsed.sent.broken)
    return parsed


def read_receipt(raw: bytes, *, refuse_unknown: bool = False) -> ParsedReceipt:
    """As ``parse_receipt``, but a form that does not fit is told in ``sent.broken``, so that the fiscal rules
    can add what they find in the rest. Unknown fields give a warning each, or a refusal if so set.

    Raises:
        RequestInvalid: the body is not one JSON object.
        ReceiptInvalid: so much does not fit that nothing else can be said.
    """
    document = json_object(raw)
    plain = plain_request(document)
    if plain is None:
        return read_by_models(document, refuse_unknown=refuse_unknown)
    return ParsedReceipt(
        request=plain,
        sent=AsSent(
            own_name=lambda field: _own_name(document, field), first_reading=lambda: _first_reading(document)
        ),
        ignored=(),
    )


def _own_name(document: dict[str, Any], field: str) -> str:
    place = tuple(int(step) if step.isdecimal() else step for step in field.split("."))
    return dotted(forms.written_place(document, place))


def read_by_models(document: dict[str, Any], *, refuse_unknown: bool = False) -> ParsedReceipt:
    """Any request, usual or not. Raises ReceiptInvalid, as ``read_receipt``."""

    def own_name(field: str) -> str:
        return _own_name(document, field)

    notes = forms.Notes()
    canonical = _canonical(document, notes)
    broken = list(notes.violations)
    try:
        body = _model_of(canonical).model_validate(canonical)
    except ValidationError as error:
        broken += _violations(error)
        body = _rest_of(canonical, error, AsSent(own_name=own_name).refusal(tuple(broken)))
    ignored = tuple(sorted(notes.ignored))
    if ignored and refuse_unknown:
        notes.late += [_unknown(field) for field in ignored]
    return ParsedReceipt(
        request=_request(body),
        sent=AsSent(
            own_name=own_name,
            broken=tuple(broken),
            late=tuple(notes.late),
            warnings=() if refuse_unknown else tuple([_ignored(field) for field in ignored]),
            first_reading=lambda: _first_reading(document),
        ),
        ignored=ignored,
    )


def read_translated(canonical: dict[str, Any], *, own_name: Callable[[str], str]) -> ParsedReceipt:
    """A receipt whose names a door has brought to those of the contract; ``own_name`` gives the client's.

    Raises:
        ReceiptInvalid: so much does not fit that nothing else can be said.
    """
    plain = plain_request(canonical)
    if plain is not None:
        return ParsedReceipt(request=plain, sent=AsSent(own_name=own_name), ignored=())
    broken: list[Violation] = []
    try:
        body = _model_of(canonical).model_validate(canonical)
    except ValidationError as error:
        broken += _violations(error)
        body = _rest_of(canonical, error, AsSent(own_name=own_name).refusal(tuple(broken)))
    return ParsedReceipt(
        request=_request(body), sent=AsSent(own_name=own_name, broken=tuple(broken)), ignored=()
    )


def _first_reading(document: dict[str, Any]) -> ReceiptRequest | None:
    """The request as version 0.1.0 read it; None for one that it cannot have taken."""
    known = first_names_only(document)
    try:
        request = _request(ReceiptBody.model_validate(_canonical(known, forms.Notes())))
    except ValidationError:
        return None
    customer = known.get("customer")
    phone = customer.get("phone") if isinstance(customer, dict) else None
    if request.customer is None or not isinstance(phone, str) or not phone.strip():
        return request
    as_sent = replace(request.customer, phone=values.optional_text(64)(phone))  # 0.1.0 kept spaces around it
    return replace(request, customer=as_sent)


def _ignored(field: str) -> model.ReceiptWarning:
    return model.ReceiptWarning(
        code="FIELD_IGNORED",
        field=field,
        message=Text(
            "Nobody reads this field; it is not in the document.",
            "Это поле никто не читает, в документ оно не попало.",
        ),
    )


def _unknown(field: str) -> Violation:
    return Violation(
        field=field,
        code="unknown_field",
        message=Text("is not a field of a receipt", "нет такого поля у чека"),
        remedy=Text(
            "Remove it, or set unknown_fields = warn in the configuration.",
            "Уберите его либо задайте unknown_fields = warn в настройках.",
        ),
    )


def _rest_of(canonical: dict[str, Any], error: ValidationError, refusal: ReceiptInvalid) -> ReceiptBody:
    """The body with placeholders where it does not fit; raises ``refusal`` where that is not possible."""
    places = [one["loc"] for one in error.errors(include_url=False, include_input=False)]
    body = repaired(canonical, places)
    if body is None:
        raise refusal from error
    try:
        return _model_of(canonical).model_validate(body)
    except ValidationError:
        raise refusal from error


def _model_of(canonical: dict[str, Any]) -> type[ReceiptBody]:
    correction = canonical.get("correction")
    by_sums = type(correction) is dict and bool(correction.get("sums"))
    return CorrectionBySumsBody if by_sums else ReceiptBody


def _canonical(document: dict[str, Any], notes: forms.Notes) -> dict[str, Any]:
    root: dict[str, Any] = forms.canonical(document, forms.RECEIPT, "", notes)
    if "items" in root:
        root["items"] = forms.canonical_all(root["items"], forms.LINE, "items", notes, most=MAX_LINES)
        for index, line in enumerate(root["items"] if type(root["items"]) is list else ()):
            if type(line) is dict and not forms.NESTED_OF_LINE.keys().isdisjoint(line):
                _nest(line, forms.NESTED_OF_LINE, f"items.{index}.", notes)
    if "payments" in root:
        root["payments"] = forms.canonical_all(
            root["payments"], forms.PAYMENT, "payments", notes, most=MAX_PAYMENTS
        )
    _nest(root, forms.NESTED_OF_RECEIPT, "", notes)
    correction = root.get("correction")
    if type(correction) is dict:
        _nest(correction, forms.NESTED_OF_CORRECTION, "correction.", notes)
    return root


def _nest(
    parent: dict[str, Any], shapes: Mapping[str, forms.BodyForm], place: str, notes: forms.Notes
) -> None:
    """The nested objects, and lists of them, under canonical names."""
    for name in shapes.keys() & parent.keys():
        value, shape = parent[name], shapes[name]
        if type(value) is list:
            parent[name] = forms.canonical_all(value, shape, f"{place}{name}", notes, most=forms.MAX_NESTED)
        else:
            parent[name] = forms.canonical(value, shape, f"{place}{name}.", notes)


def _violations(error: ValidationError) -> list[Violation]:
    """What pydantic found, each with the tag it would break."""
    found = []
    for one in error.errors(include_url=False, include_input=False):
        canonical = ".".join(step for step in one["loc"] if isinstance(step, str))
        found.append(violation_of(one, field=dotted(one["loc"]), tag=_TAGS.get(canonical)))
    return found


def _request(body: ReceiptBody) -> ReceiptRequest:
    return ReceiptRequest(
        pos_id=PosId(body.pos_id),
        kind=body.type,
        lines=tuple([_line(line) for line in body.items]),
        payments=tuple([model.Payment(kind=one.type, amount_kop=one.amount) for one in body.payments]),
        total_kop=body.total,
        original_receipt_id=body.original_receipt_id,
        correction=_correction(body.correction),
        customer=_customer(body.customer),
        cashier=_cashier_of(body.cashier),
        order_id=body.order_id,
        taxation=body.taxation,
        internet=body.internet,
        place=body.place,
        address=body.address,
        additional_attribute=body.additional_attribute,
        user_attribute=None
        if body.user_attribute is None
        else model.UserAttribute(name=body.user_attribute.name, value=body.user_attribute.value),
        extras=receipt_extras(body, body.correction),
        refund_force_reason=body.refund_force_reason,
    )


def _line(body: LineBody) -> LineRequest:
    permission = body.mark_permission
    return LineRequest(
        name=body.name,
        price_kop=body.price,
        quantity=body.quantity,
        amount_kop=body.total,
        vat=body.vat_rate,
        sku=body.sku,
        subject=body.subject,
        method=body.method,
        unit=body.unit,
        discount_kop=body.discount,
        mark_code=body.mark_code,
        extras=line_extras(body),
        mark_permission=None
        if permission is None
        else model.MarkPermission(
            uuid=permission.uuid,
            time=permission.time,
            inst=permission.inst,
            ver=permission.ver,
            blocked=permission.blocked,
        ),
    )


def _correction(body: CorrectionBody | None) -> model.Correction | None:
    if body is None:
        return None
    return model.Correction(
        by_order=body.type,
        date=body.date,
        number=body.number,
        operation=body.operation,
        fiscal_sign=body.fiscal_sign,
    )


def _customer(body: CustomerBody | None) -> model.Customer | None:
    """Empty contacts are no contacts: then there is no customer."""
    if body is None:
        return None
    customer = model.Customer(
        email=body.email,
        phone=body.phone,
        name=body.name,
        inn=body.inn,
        birth_date=body.birth_date,
        citizenship=body.citizenship,
        document_code=body.document_code,
        document_data=body.document_data,
        address=body.address,
    )
    return None if customer == _NOBODY else customer


def _cashier_of(body: CashierBody | None) -> model.Cashier | None:
    if body is None or not (body.name or body.inn):
        return None
    return model.Cashier(name=body.name, inn=body.inn)
