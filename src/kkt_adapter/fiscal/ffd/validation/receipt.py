"""The fiscal rules before a receipt is stored (ФЛК): a till's request in, a complete receipt out.

A pure function of the request, the register and the day. It fills in what the till did not say, in the order
request, configuration, registration, and finds everything that is wrong at once, so that a person corrects a
receipt once and not field by field. Every rule, its answer and its source: docs/reference/fiscal-rules.md.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from kkt_adapter.fiscal.ffd.compose import document_size, fits_document
from kkt_adapter.fiscal.ffd.contact import buyer_contact
from kkt_adapter.fiscal.ffd.limits import MAX_DOCUMENT_BYTES
from kkt_adapter.fiscal.ffd.receipt_key import receipt_key
from kkt_adapter.fiscal.ffd.validation.agents import check_levels, spread
from kkt_adapter.fiscal.ffd.validation.attributes import Attributes, check_attributes, with_key
from kkt_adapter.fiscal.ffd.validation.correction import agreed_operation, check_correction
from kkt_adapter.fiscal.ffd.validation.correction_sums import check_sums
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.lines import complete_lines, line_rules
from kkt_adapter.fiscal.ffd.validation.people import agreed_cashier, agreed_customer
from kkt_adapter.fiscal.ffd.validation.place import (
    agreed_address,
    agreed_internet,
    agreed_place,
    agreed_taxation,
    check_internet_settlement,
)
from kkt_adapter.fiscal.ffd.validation.receipt_extras import check_cashless_sum, checked_receipt_extras
from kkt_adapter.fiscal.ffd.validation.totals import agreed_payments, agreed_total
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    Line,
    Operation,
    Payment,
    Receipt,
    ReceiptKind,
    ReceiptRequest,
    ReceiptWarning,
    RegisterProfile,
    Registration,
)
from kkt_adapter.fiscal.requisites import ReceiptExtras, VatSum
from kkt_adapter.kernel.errors import Text, Violation
from kkt_adapter.kernel.ids import ReceiptId
from kkt_adapter.kernel.money import Kopecks
from kkt_adapter.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    receipt: Receipt
    warnings: tuple[ReceiptWarning, ...]


def complete(
    request: ReceiptRequest,
    *,
    receipt_id: ReceiptId,
    idempotency_key: str,
    profile: RegisterProfile,
    today: date,
    prior: tuple[Violation, ...] = (),
) -> Checked:
    """The receipt a register can print as it is, and what somebody should look at.

    ``today`` is the document's day: in the register's zone, and never before the FN's last document.
    ``prior`` is what is known to be wrong with the request already; it comes first in what is raised. The
    same arguments always give the same receipt.

    Raises:
        ReceiptInvalid: with every rule that is broken.
    """
    found = Findings(prior)
    agreed = _agreed(request, profile, today, found)
    sums = _sums(request, profile, agreed, found)
    found.stop_if_refused()
    assert agreed.taxation is not None  # else it was refused
    attributes = _attributes(request, profile, agreed, found, key=receipt_key(idempotency_key))
    receipt = Receipt(
        id=receipt_id,
        key=attributes.key,
        register_id=profile.register_id,
        pos_id=request.pos_id,
        kind=request.kind,
        operation=agreed.operation,
        lines=agreed.lines,
        payments=sums.payments,
        total_kop=sums.total_kop,
        taxation=agreed.taxation,
        cashier=agreed.cashier,
        ffd_version=profile.registration.ffd_version,
        internet=agreed.internet,
        place=agreed.place,
        address=agreed.address,
        customer=agreed.customer,
        sender_email=(profile.registration.sender_email if buyer_contact(agreed.customer) else None) or None,
        correction=agreed.correction,
        additional_attribute=attributes.additional,
        user_attribute=attributes.user,
        order_id=request.order_id,
        original_receipt_id=request.original_receipt_id,
        extras=sums.extras,
    )
    if not fits_document(receipt, profile.registration):
        _refuse_size(receipt, profile.registration, found)
        found.stop_if_refused()
    return Checked(receipt=receipt, warnings=tuple(found.warnings))


class _Agreed(NamedTuple):
    """What the request, the configuration and the registration agree on, before sums are looked at."""

    operation: Operation
    correction: Correction | None
    additional: str | None
    by_sums: tuple[VatSum, ...]
    taxation: int | None  # None: refused
    lines: tuple[Line, ...]
    cashier: Cashier
    customer: Customer | None
    internet: bool
    place: str | None
    address: str | None
    extras: ReceiptExtras | None


class _Sums(NamedTuple):
    total_kop: Kopecks
    payments: tuple[Payment, ...]
    extras: ReceiptExtras | None


def _agreed(request: ReceiptRequest, profile: RegisterProfile, today: date, found: Findings) -> _Agreed:
    """Rule after rule, in the order in which a person reads what is wrong."""
    defaults, registration = profile.defaults, profile.registration
    version = registration.ffd_version
    correction = request.correction if request.kind is ReceiptKind.CORRECTION else None

    operation = agreed_operation(request, found)
    additional = request.additional_attribute
    check_attributes(additional, request.user_attribute, found)
    if correction is not None:
        check_correction(correction, ffd_version=version, additional=additional, today=today, found=found)
        additional = correction.fiscal_sign or additional

    by_sums = check_sums(request, version, found)
    check_levels(request, version, found)
    taxation = agreed_taxation(request.taxation, defaults, registration, found)
    rules = line_rules(
        registration=registration,
        defaults=defaults,
        kind=request.kind,
        day=today if correction is None else correction.date,
        taxation=taxation,
        payments=request.payments,
        operation=operation,
        receipt_agent=request.extras is not None and request.extras.agent is not None,
    )
    lines = complete_lines(spread(request, version), rules, found, by_sums=bool(by_sums))
    cashier = agreed_cashier(request.cashier, defaults, registration, found)
    customer = agreed_customer(request.customer, version, found)
    internet = agreed_internet(request.internet, defaults, registration, found)
    if internet:
        check_internet_settlement(request, customer, found)
    place = agreed_place(request, defaults, registration, internet=internet, found=found)
    address = agreed_address(request.address, defaults, registration, found)
    extras = request.extras
    if extras is not None:
        extras = checked_receipt_extras(
            extras, kind=request.kind, registration=registration, customer=customer, found=found
        )
    return _Agreed(
        operation, correction, additional, by_sums, taxation, lines, cashier, customer, internet, place,
        address, extras,
    )  # fmt: skip


def _sums(request: ReceiptRequest, profile: RegisterProfile, agreed: _Agreed, found: Findings) -> _Sums:
    """Total and payments; nothing is said of the sums of wrong lines."""
    if any(v.field.startswith("items") for v in found.violations) or found.is_unsure("payments"):
        found.stop_if_refused()
    lines_kop = sum([line.amount_kop for line in agreed.lines]) + sum(
        [one.amount_kop for one in agreed.by_sums]
    )
    total_kop = agreed_total(
        Kopecks(lines_kop), request.total_kop, rounding=profile.defaults.rounding, found=found
    )
    payments = agreed_payments(request.payments, total_kop, said_kop=request.total_kop, found=found)
    extras = agreed.extras
    if extras is not None:
        check_cashless_sum(extras.cashless, payments, found)
        extras = None if extras == ReceiptExtras() else extras
    return _Sums(total_kop, payments, extras)


def _attributes(
    request: ReceiptRequest, profile: RegisterProfile, agreed: _Agreed, found: Findings, *, key: str
) -> Attributes:
    """Tags 1192 and 1084, with the receipt key in one of them where there is a place."""
    mode = profile.defaults.receipt_key
    attributes = with_key(
        key,
        mode=mode,
        spare_1192=agreed.correction is not None,
        additional=agreed.additional,
        user=request.user_attribute,
    )
    if attributes.key is None and mode != "off":
        _warn_no_key(found)
    return attributes


def _warn_no_key(found: Findings) -> None:
    found.warn(
        "RECEIPT_KEY_LEFT_OUT",
        "additional_attribute",
        Text(
            "The request fills the places of the receipt key (1192, 1084): after a lost answer the document "
            "is found by number, sum and time only, which is a weaker proof.",
            "Чек занимает места ключа чека (1192, 1084): после потерянного ответа документ ищется только по "
            "номеру, сумме и времени, это более слабое доказательство.",
        ),
        tag=1192,
    )


def _refuse_size(receipt: Receipt, registration: Registration, found: Findings) -> None:
    size = document_size(receipt, registration)
    found.refuse(
        "items",
        "document_size",
        Text(
            f"The document would have {size} bytes, an FN takes {MAX_DOCUMENT_BYTES}.",
            f"В документе было бы {size} байт, ФН принимает {MAX_DOCUMENT_BYTES}.",
        ),
        Text(
            f"Split the receipt: {len(receipt.lines)} lines with these names are too many.",
            f"Разделите чек: {len(receipt.lines)} позиций с такими наименованиями слишком много.",
        ),
        tag=1059,
    )
