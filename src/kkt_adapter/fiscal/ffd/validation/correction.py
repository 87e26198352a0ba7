"""Corrections (document 31): what each FFD version lets them be.

FFD 1.05 corrects settlements that were made without a register, in totals; a wrong receipt is repaired with
ordinary receipts. FFD 1.1 and 1.2 repair a wrong receipt with two corrections: the reverse operation with the
wrong data, then the right data, both with the fiscal sign of the wrong one.
"""

from datetime import date

from kkt_adapter.fiscal.ffd.text import fits_cp866
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.model import (
    OPERATION_OF_KIND,
    Correction,
    FfdVersion,
    Operation,
    ReceiptKind,
    ReceiptRequest,
)
from kkt_adapter.kernel.errors import Text

NUMBER_LIMIT = 32  # tag 1179
FISCAL_SIGN_DIGITS = 10  # decimal of an unsigned 32-bit number
EARLIEST_DAY = date(1970, 1, 1)  # tag 1178 counts seconds from here

_OPERATIONS_1_05 = frozenset({Operation.SALE, Operation.EXPENSE})


def agreed_operation(request: ReceiptRequest, found: Findings) -> Operation:
    """1054 of the document: that of the correction, else of the receipt's kind."""
    if request.kind is not ReceiptKind.CORRECTION:
        if request.correction is not None:
            found.refuse(
                "correction",
                "correction_unexpected",
                Text(
                    f"A {request.kind} has no correction data.",
                    f"У чека вида {request.kind} нет данных коррекции.",
                ),
                Text("Send type correction, or leave it out.", "Передайте type correction или уберите его."),
                tag=1174,
            )
        return OPERATION_OF_KIND[request.kind]
    if request.correction is None:
        found.refuse(
            "correction",
            "correction_missing",
            Text("A correction says what it corrects.", "В чеке коррекции указывают, что он исправляет."),
            Text(
                "Send correction {type, date, operation, number}.",
                "Передайте correction {type, date, operation, number}.",
            ),
            tag=1174,
        )
        return Operation.SALE
    return request.correction.operation


def check_correction(
    correction: Correction, *, ffd_version: FfdVersion, additional: str | None, today: date, found: Findings
) -> None:
    """The data of one correction; ``additional`` is what the request puts into 1192 itself."""
    old = ffd_version is FfdVersion.V1_05
    _check_date(correction.date, today, found)
    _check_number(correction, always=old, found=found)
    if old and correction.operation not in _OPERATIONS_1_05:
        found.refuse(
            "correction.operation",
            "correction_operation",
            Text(
                "In FFD 1.05 a correction is of a sale or an expense.",
                "В ФФД 1.05 коррекция бывает только прихода и расхода.",
            ),
            Text(
                "Repair a wrong receipt with ordinary receipts: refund it, then make the right one.",
                "Неверный чек исправьте обычными чеками: возврат, затем верный.",
            ),
            tag=1054,
        )
    if correction.fiscal_sign is not None:
        _check_fiscal_sign(correction.fiscal_sign, old=old, additional=additional, found=found)


def _check_date(day: date, today: date, found: Findings) -> None:
    if EARLIEST_DAY <= day <= today:
        return
    found.refuse(
        "correction.date",
        "correction_date",
        Text(
            f"{day} is in the future; today is {today}." if day > today else f"{day} is too long ago.",
            f"{day:%d.%m.%Y} ещё не наступило; сегодня {today:%d.%m.%Y}."
            if day > today
            else f"{day:%d.%m.%Y} слишком давно.",
        ),
        Text("Send the day of the settlement.", "Передайте день самого расчёта."),
        tag=1178,
    )


def _check_number(correction: Correction, *, always: bool, found: Findings) -> None:
    number = correction.number
    if not number:
        if correction.by_order or always:
            found.refuse(
                "correction.number",
                "correction_number",
                Text(
                    "The number of the document behind the correction is missing.",
                    "Нет номера документа, по которому сделана коррекция.",
                ),
                Text(
                    "Send the number of the tax office's order, or of your own act.",
                    "Передайте номер предписания либо своего акта.",
                ),
                tag=1179,
            )
    elif len(number) > NUMBER_LIMIT or not fits_cp866(number):
        found.refuse(
            "correction.number",
            "correction_number",
            Text(
                f"The number is up to {NUMBER_LIMIT} characters of CP866.",
                f"Номер: до {NUMBER_LIMIT} символов CP866.",
            ),
            Text("Shorten or correct it.", "Сократите или исправьте его."),
            tag=1179,
        )


def _check_fiscal_sign(sign: str, *, old: bool, additional: str | None, found: Findings) -> None:
    field = "correction.fiscal_sign"
    if not (sign.isascii() and sign.isdigit() and len(sign) <= FISCAL_SIGN_DIGITS and int(sign) < 2**32):
        found.refuse(
            field,
            "fiscal_sign_shape",
            Text(
                f"A fiscal sign is a number of up to {FISCAL_SIGN_DIGITS} digits below 4294967296.",
                f"Фискальный признак: число до {FISCAL_SIGN_DIGITS} цифр, меньше 4294967296.",
            ),
            Text("Copy it from the wrong receipt.", "Перепишите его с неверного чека."),
            tag=1192,
        )
    if old:
        found.refuse(
            field,
            "correction_of_receipt",
            Text(
                "In FFD 1.05 a correction is for settlements made without a register.",
                "В ФФД 1.05 чек коррекции — для расчётов, проведённых без кассы.",
            ),
            Text(
                "Refund the wrong receipt and make the right one, both with additional_attribute = its sign.",
                "Сделайте возврат и верный чек, в обоих additional_attribute = признак неверного.",
            ),
            tag=1192,
        )
    if additional is not None and additional != sign:
        found.refuse(
            field,
            "fiscal_sign_twice",
            Text(
                "additional_attribute and fiscal_sign both want tag 1192.",
                "additional_attribute и fiscal_sign претендуют на один тег 1192.",
            ),
            Text("Send one of them.", "Передайте что-то одно."),
            tag=1192,
        )
