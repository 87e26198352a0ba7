"""What a virtual FN says when it does not do what was asked, in the numbers of real ones.

Source of the numbers: docs/reference/ofd-protocol.md, section FN side.
"""

from pathlib import Path
from typing import NoReturn

from kkt_adapter.fiscal.ffd.tlv import TlvError
from kkt_adapter.fiscal.kkt.virtual.state import Blocked
from kkt_adapter.fiscal.model import Receipt, Registration
from kkt_adapter.kernel.errors import (
    FnDamaged,
    KktBlocked,
    KktOutcomeUnknown,
    KktRefused,
    KktUnavailable,
    LeaseLost,
    ShiftExpired,
)
from kkt_adapter.kernel.ids import FnNumber

WRONG_STATE = 0x02
BAD_VALUE = 0x09
TOO_LARGE = 0x10
CONTRADICTS_REGISTRATION = 0x19
MESSAGE_NOT_ACCEPTED = 0x20

_BLOCKED_TEXT = {
    Blocked.FN_FULL: ("The memory of the FN is full; replace it.", "Память ФН исчерпана; замените ФН."),
    Blocked.FN_EXPIRED: (
        "The FN is past its end of life; replace it.",
        "Срок действия ФН истёк; замените ФН.",
    ),
    Blocked.FN_UNSENT_LIMIT: (
        "The oldest document has waited for the operator for 30 days; restore the delivery.",
        "Самый старый документ не передан в ОФД 30 дней; восстановите передачу.",
    ),
}


def refuse(device_code: int, en: str, ru: str) -> NoReturn:
    raise KktRefused(en, ru, device_code=device_code)


def refuse_reply(reason: str, detail: str) -> NoReturn:
    """The operator's answer is not taken; ``reason`` is one of a closed set, for logs and metrics."""
    raise KktRefused(
        f"The FN does not accept the operator's answer: {detail}.",
        f"ФН не принимает ответ ОФД: {detail}.",
        device_code=MESSAGE_NOT_ACCEPTED,
        reason=reason,
    )


def check_receipt(receipt: Receipt, registration: Registration) -> None:
    """What an FN compares with its registration, and the sum of the payments.

    Raises:
        KktRefused: 0x19 or 0x09.
    """
    mine, registered = receipt.ffd_version.name, registration.ffd_version.name
    if receipt.ffd_version is not registration.ffd_version:
        refuse(
            CONTRADICTS_REGISTRATION,
            f"The receipt is of FFD version {mine}, the register was registered with {registered}.",
            f"Чек формата {mine}, касса зарегистрирована с форматом {registered}.",
        )
    if not receipt.taxation & registration.taxation_mask:
        refuse(
            CONTRADICTS_REGISTRATION,
            f"Taxation {receipt.taxation} is not in the registration ({registration.taxation_mask}).",
            f"СНО {receipt.taxation} не указана при регистрации ({registration.taxation_mask}).",
        )
    if not registration.marked_goods and any(line.mark_code is not None for line in receipt.lines):
        refuse(
            CONTRADICTS_REGISTRATION,
            "The register is not registered for marked goods.",
            "Касса не зарегистрирована для торговли маркированными товарами.",
        )
    if sum(payment.amount_kop for payment in receipt.payments) != receipt.total_kop:
        refuse(BAD_VALUE, "The payments do not make up the total.", "Сумма оплат не равна итогу чека.")


def not_open() -> KktUnavailable:
    return KktUnavailable("The virtual register is not open.", "Виртуальная касса не открыта.")


def fn_blocked(reason: Blocked, fn_number: FnNumber) -> KktBlocked:
    en, ru = _BLOCKED_TEXT[reason]
    return KktBlocked(en, ru, reason=str(reason), fn_number=fn_number)


def shift_expired(shift_number: int) -> ShiftExpired:
    return ShiftExpired(
        f"Shift {shift_number} is older than 24 hours; close it with a Z report and open a new one.",
        f"Смена {shift_number} открыта более 24 часов; закройте её Z-отчётом и откройте новую.",
        shift_number=shift_number,
    )


def term_over(term: int, *, seen_term: int) -> LeaseLost:
    return LeaseLost(
        f"Term {term} is over: the register has served term {seen_term}.",
        f"Срок {term} истёк: касса уже работала со сроком {seen_term}.",
        term=term,
        seen_term=seen_term,
    )


def maybe_stored(path: Path, fd_number: int, why: str) -> KktOutcomeUnknown:
    """The commit of a document failed: only the file, read again, can tell."""
    return KktOutcomeUnknown(
        f"The virtual FN {path.name} failed while it stored document {fd_number}: {why}.",
        f"Виртуальный ФН {path.name} отказал при записи документа {fd_number}: {why}.",
        file=path.name,
    )


def not_stored(path: Path, why: str) -> KktUnavailable:
    return KktUnavailable(
        f"The virtual FN {path.name} cannot write: {why}. Check free space and the rights of its folder.",
        f"Виртуальный ФН {path.name} не может записать: {why}. Проверьте свободное место и права на папку.",
        file=path.name,
    )


def damaged(path: Path, why: str) -> FnDamaged:
    """The FN cannot be used, and a person must look: it is never begun anew by itself.

    Names the file alone: clients see this text, and no client is told where files lie.
    """
    return FnDamaged(
        f"The virtual FN {path.name} cannot be used: {why}. Restore it from a copy that is not older than "
        "its last document, or give this till to a new register with an id of its own.",
        f"Виртуальный ФН {path.name} непригоден: {why}. Восстановите его из копии не старше последнего "
        "документа или передайте эту кассу новой ККТ с другим id.",
        reason="FN_DAMAGED",
        state="fault",
        file=path.name,
    )


def refuse_contents(error: TlvError) -> NoReturn:
    refuse(BAD_VALUE, f"The document cannot be written: {error}.", f"Документ не записывается: {error}.")
