"""A receipt as a task of ATOL's driver; pure. What cannot be said in its words is refused here.

Unknown members are ignored by the driver without a word, so every name below stands in
docs/reference/atol.md, and the document is compared with the receipt after printing (``tag_audit``).
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from kkt_adapter.fiscal.ffd.compose_extras import WHOLESALE
from kkt_adapter.fiscal.ffd.contact import buyer_contact
from kkt_adapter.fiscal.ffd.product_code import permission_value
from kkt_adapter.fiscal.kkt.atol import words
from kkt_adapter.fiscal.kkt.atol.values import decimal_quantity, dotted, dotted_time, rubles
from kkt_adapter.fiscal.model import (
    Cashier,
    Correction,
    Customer,
    FfdVersion,
    Line,
    MarkPermission,
    Operation,
    Receipt,
    ReceiptKind,
)
from kkt_adapter.fiscal.requisites import (
    Agent,
    CashlessPayment,
    Industry,
    LineExtras,
    OperationAttribute,
    ReceiptExtras,
    Supplier,
)
from kkt_adapter.kernel.errors import KktRefused
from kkt_adapter.kernel.money import ONE

Task = dict[str, Any]

TASK_NOT_PARSED = 501  # the driver's own code for a task it cannot read
PERMISSION_DATE = "2023.11.21"  # decree 1944: 1263 of the permission to sell
_BACK = (Operation.REFUND, Operation.EXPENSE_REFUND)


def receipt_task(receipt: Receipt, *, checks: Mapping[int, Task] | None = None) -> Task:
    """``checks``: ``itemInfoCheckResult`` of marked lines by their index.

    Raises:
        KktRefused: ATOL has no word for something in it; nothing was sent.
    """
    correction = receipt.correction if receipt.kind is ReceiptKind.CORRECTION else None
    name = words.TASK[receipt.operation]
    task: Task = {
        "type": name + words.CORRECTION_SUFFIX if correction is not None else name,
        "taxationType": _word(words.TAXATION, receipt.taxation, "1055"),
        "electronically": _without_paper(receipt),
        "ignoreNonFiscalPrintErrors": True,
    }
    if receipt.cashier.name:
        task["operator"] = operator(receipt.cashier)
    if correction is not None:
        task |= _correction(correction)
    if receipt.customer is not None:
        task |= _client(receipt.customer)
    if receipt.sender_email:
        task["companyInfo"] = {"email": receipt.sender_email}
    if receipt.internet:
        task["internet"] = True
    if receipt.place:
        task["paymentsPlace"] = receipt.place
    if receipt.address:
        task["paymentsAddress"] = receipt.address
    sums_only = correction is not None and receipt.ffd_version is FfdVersion.V1_05
    lines = [] if sums_only else [_position(n, receipt, checks or {}) for n in range(len(receipt.lines))]
    task["items"] = lines + _attributes(receipt)
    if sums_only:
        task["taxes"] = _taxes(receipt)
    task["payments"] = [
        {"type": word, "sum": rubles(paid)}
        for kind, word in words.PAYMENT.items()
        if (paid := receipt.paid_kop(kind))
    ]
    task["total"] = rubles(receipt.total_kop)
    if receipt.extras is not None:
        task |= _extras(receipt.extras, correction=correction is not None)
    return task


def operator(cashier: Cashier) -> Task:
    """Empty for a cashier without a name: the object must have one."""
    if not cashier.name:
        return {}
    return {"name": cashier.name, **({"vatin": cashier.inn} if cashier.inn else {})}


def shift_task(name: str, cashier: Cashier) -> Task:
    """``name``: openShift or closeShift."""
    found = operator(cashier)
    return {"type": name, **({"operator": found} if found else {})}


def _without_paper(receipt: Receipt) -> bool:
    """No paper only where the buyer gets the receipt by mail or telephone: the driver wants an address."""
    wished = receipt.extras is not None and receipt.extras.no_print
    return wished and receipt.customer is not None and bool(buyer_contact(receipt.customer))


def _word(table: Mapping[int, str], value: int, tag: str) -> str:
    if value in table:
        return table[value]
    raise KktRefused(
        f"ATOL's driver has no word for {value} of tag {tag}.",
        f"У драйвера АТОЛ нет слова для значения {value} тега {tag}.",
        device_code=TASK_NOT_PARSED,
    )


def _correction(correction: Correction) -> Task:
    task: Task = {
        "correctionType": "instruction" if correction.by_order else "self",
        "correctionBaseDate": dotted(correction.date),
    }
    if correction.number:
        task["correctionBaseNumber"] = correction.number
    return task


def _client(customer: Customer) -> Task:
    told = {
        "emailOrPhone": buyer_contact(customer),
        "name": customer.name,
        "vatin": customer.inn,
        "birthDate": None if customer.birth_date is None else dotted(customer.birth_date),
        "citizenship": customer.citizenship,
        "identityDocumentCode": customer.document_code,
        "identityDocumentData": customer.document_data,
        "address": customer.address,
    }
    given = {name: value for name, value in told.items() if value}
    return {"clientInfo": given} if given else {}


def _attributes(receipt: Receipt) -> list[Task]:
    """1192 and 1084 are entries of ``items``: at the root they are lost without an error."""
    entries: list[Task] = []
    if receipt.additional_attribute:
        entries.append({"type": "additionalAttribute", "value": receipt.additional_attribute, "print": False})
    pair = receipt.user_attribute
    if pair is not None:
        entries.append({"type": "userAttribute", "name": pair.name, "value": pair.value, "print": False})
    return entries


def _taxes(receipt: Receipt) -> list[Task]:
    """What a correction of FFD 1.05 says instead of lines."""
    sums: dict[str, int] = {}
    if receipt.extras is not None and receipt.extras.vat_sums:
        for one in receipt.extras.vat_sums:
            word = next(w for rate, w in words.TAX.items() if rate.value == one.rate)
            sums[word] = sums.get(word, 0) + (one.vat_kop or one.amount_kop)
    else:
        for line in receipt.lines:
            word = words.TAX[line.vat]
            sums[word] = sums.get(word, 0) + (line.vat_kop or line.amount_kop)
    return [{"type": word, "sum": rubles(kop)} for word, kop in sums.items()]


def _position(index: int, receipt: Receipt, checks: Mapping[int, Task]) -> Task:
    line = receipt.lines[index]
    position: Task = {
        "type": "position",
        "name": line.name,
        "price": rubles(line.price_kop),
        "quantity": decimal_quantity(line.quantity),
        "amount": rubles(line.amount_kop),
        "paymentMethod": _word(words.METHOD, line.method, "1214"),
        "paymentObject": _word(words.SUBJECT, line.subject, "1212"),
        "tax": {"type": words.TAX[line.vat]},
        "measurementUnit": (
            _word(words.MEASURE, line.measure, "2108")
            if receipt.ffd_version is FfdVersion.V1_2
            else line.unit
        ),
    }
    if line.mark_code is not None:
        position["imcParams"] = mark_params(line, receipt.operation)
        if index in checks:
            position["imcParams"]["itemInfoCheckResult"] = checks[index]
    industry = [] if line.mark_permission is None else [_permission(line.mark_permission)]
    if line.extras is not None:
        position |= _line_extras(line.extras)
        industry += [_industry(one) for one in line.extras.industry]
        if line.extras.wholesale:
            industry.append(_industry(WHOLESALE))
    if industry:
        position["industryInfo"] = industry
    return position


def mark_params(line: Line, operation: Operation) -> Task:
    """``imcParams``: always base64, since a raw code may look like it."""
    assert line.mark_code is not None
    part = None if line.extras is None else line.extras.mark_quantity
    params: Task = {
        "imcType": "auto",
        "imc": base64.b64encode(line.mark_code.encode("ascii", "replace")).decode("ascii"),
        "itemEstimatedStatus": words.PLANNED_STATUS[planned_status(line, operation)],
        "imcModeProcessing": 0,
    }
    if part is not None:
        params["itemFractionalAmount"] = f"{part.numerator}/{part.denominator}"
    return params


def planned_status(line: Line, operation: Operation) -> int:
    """2003: as the till says, else by whole pieces and by the direction."""
    if line.extras is not None and line.extras.planned_status is not None:
        return line.extras.planned_status
    whole = line.measure == 0 and line.quantity % ONE == 0
    whole = whole and (line.extras is None or line.extras.mark_quantity is None)
    if operation in _BACK:
        return 3 if whole else 4
    return 1 if whole else 2


def _permission(permission: MarkPermission) -> Task:
    return {
        "fois": "030",
        "date": PERMISSION_DATE,
        "number": "1944",
        "industryAttribute": permission_value(permission),
    }


def _industry(one: Industry) -> Task:
    return {
        "fois": one.federal_id,
        "date": dotted(one.date),
        "number": one.number,
        "industryAttribute": one.value,
    }


def _line_extras(extras: LineExtras) -> Task:
    told: Task = {}
    if extras.agent is not None:
        told["agentInfo"] = _agent(extras.agent)
    if extras.supplier is not None:
        told["supplierInfo"] = _supplier(extras.supplier)
    if extras.excise_kop is not None:
        told["exciseSum"] = rubles(extras.excise_kop)
    if extras.country is not None:
        told["countryCode"] = extras.country
    if extras.customs_declaration is not None:
        told["customsDeclaration"] = extras.customs_declaration
    if extras.attribute is not None:
        told |= {"additionalAttribute": extras.attribute, "additionalAttributePrint": False}
    return told


def _extras(extras: ReceiptExtras, *, correction: bool) -> Task:
    told: Task = {}
    if extras.agent is not None:
        told["agentInfo"] = _agent(extras.agent)
    if extras.supplier is not None:
        told["supplierInfo"] = _supplier(extras.supplier)
    if extras.industry:
        told["industryInfo"] = [_industry(one) for one in extras.industry]
    if extras.operation_attribute is not None:
        told["operationInfo"] = _operation(extras.operation_attribute)
    if extras.cashless and not correction:  # corrections ignore it
        told["paymentsAddInfo"] = [_cashless(one) for one in extras.cashless]
    if extras.device_number is not None:
        told["machineNumber"] = extras.device_number
    if extras.timezone is not None:
        told["salesNotice"] = {"timeZone": extras.timezone}
    return told


def _agent(agent: Agent) -> Task:
    told: Task = {"agents": [words.AGENT[agent.type]]}
    paying = _given(operation=agent.operation, phones=_phones(agent.phones))
    receiving = _given(phones=_phones(agent.operator_phones))
    transfer = _given(
        phones=_phones(agent.transfer_phones),
        name=agent.transfer_name,
        address=agent.transfer_address,
        vatin=agent.transfer_inn,
    )
    return told | _given(
        payingAgent=paying, receivePaymentsOperator=receiving, moneyTransferOperator=transfer
    )


def _supplier(supplier: Supplier) -> Task:
    return _given(phones=_phones(supplier.phones), name=supplier.name, vatin=supplier.inn)


def _phones(phones: Sequence[str]) -> list[str]:
    return list(phones)


def _given(**members: Any) -> Task:
    return {name: value for name, value in members.items() if value}


def _operation(one: OperationAttribute) -> Task:
    return {"id": one.id, "data": one.data, "dateTime": dotted_time(one.time)}


def _cashless(one: CashlessPayment) -> Task:
    return {
        "sum": rubles(one.amount_kop),
        "paymentMethod": one.method,
        "electronicallyId": one.id,
        **({"electronicallyAddInfo": one.info} if one.info is not None else {}),
    }
