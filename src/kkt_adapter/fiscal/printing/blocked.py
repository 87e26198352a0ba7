"""Why a register cannot fiscalise at all, and what a person does about it.

Such a register is stopped alone: its lane prints nothing, receipts for it are refused with cause and remedy,
and the other registers work. It goes on by itself once the cause is gone.
"""

from collections.abc import Sequence
from enum import StrEnum

from kkt_adapter.kernel.errors import FnDamaged, KktBlocked, Text


class BlockReason(StrEnum):
    """``reason`` of a KktBlocked: a closed set."""

    FN_FULL = "FN_FULL"
    FN_EXPIRED = "FN_EXPIRED"
    FN_UNSENT_LIMIT = "FN_UNSENT_LIMIT"
    NOT_REGISTERED = "NOT_REGISTERED"
    FN_DAMAGED = "FN_DAMAGED"  # the file of a virtual FN, or an FN that stands before its own documents
    CONFIGURATION = "CONFIGURATION"  # our settings contradict the registration
    GROUP_MIXED = "GROUP_MIXED"  # the registers of a group differ in INN or FFD
    GROUP_UNREAD = "GROUP_UNREAD"  # after a restore a register of the group is still to be read back
    DRAINED = "DRAINED"  # a person set it to take no new receipts
    NO_REGISTER = "NO_REGISTER"  # none is configured at all: the service has the catalogue only


TWO_WAYS = Text(
    "No register is configured. Either add a [[register]] to kkt-adapter.toml, or try the product with "
    "virtual registers, which are no fiscal devices: kkt-adapter serve --demo",
    "Не настроена ни одна ККТ. Либо добавьте [[register]] в kkt-adapter.toml, либо попробуйте продукт с "
    "виртуальными ККТ (не фискальные устройства): kkt-adapter serve --demo",
)
"""What a start without any register says, and what a receipt is told where the catalogue runs alone."""

_CAUSES = {
    BlockReason.FN_FULL: Text(
        "the memory of the FN is full; replace the FN", "память ФН исчерпана; замените ФН"
    ),
    BlockReason.FN_EXPIRED: Text(
        "the FN is past its end of life; replace it", "срок действия ФН истёк; замените ФН"
    ),
    BlockReason.FN_UNSENT_LIMIT: Text(
        "the oldest document has waited for the operator for 30 days; restore the delivery",
        "самый старый документ не передан оператору 30 дней; восстановите передачу",
    ),
    BlockReason.NOT_REGISTERED: Text(
        "the register is not registered; register it", "ККТ не зарегистрирована; зарегистрируйте её"
    ),
}


def blocked_by_device(reason: str) -> KktBlocked:
    """What a device says of itself, with the remedy where the reason is known."""
    cause = _CAUSES[BlockReason(reason)] if reason in _CAUSES else Text("see the device", "см. устройство")
    return KktBlocked(
        f"The register cannot fiscalise: {cause.en} ({reason}).",
        f"ККТ не может оформлять чеки: {cause.ru} ({reason}).",
        reason=reason,
    )


def blocked_by_configuration(contradictions: Text) -> KktBlocked:
    """Our settings contradict the registration, which nobody may change from outside."""
    return KktBlocked(
        f"The register is stopped by its configuration: {contradictions.en}. "
        "Correct kkt-adapter.toml, or connect the right register, and restart.",
        f"ККТ остановлена из-за своих настроек: {contradictions.ru}. "
        "Исправьте kkt-adapter.toml или подключите нужную ККТ и перезапустите.",
        reason=BlockReason.CONFIGURATION.value,
    )


def fn_behind(fn_number: str, *, last: int, known: int) -> FnDamaged:
    """An FN never counts back: this one was begun anew, or is an old copy, and would use numbers again."""
    return FnDamaged(
        f"FN {fn_number} stands at document {last}, but has made number {known} before: it is not the one "
        "that worked here. Put its file back, or mount its folder, and restart; a device needs service.",
        f"ФН {fn_number} стоит на документе {last}, хотя раньше оформил № {known}: это не тот ФН, который "
        "здесь работал. Верните его файл или подключите каталог и перезапустите; если это ККТ — в сервис.",
        reason=BlockReason.FN_DAMAGED.value,
    )


def no_register() -> KktBlocked:
    """Nobody has configured a register: the two ways to get one."""
    return KktBlocked(TWO_WAYS.en, TWO_WAYS.ru, reason=BlockReason.NO_REGISTER.value)


def group_unread(group_id: str, register_ids: Sequence[str]) -> KktBlocked:
    """After a restore: a receipt of the group may be a document in these registers' FNs."""
    waits = ", ".join(register_ids)
    return KktBlocked(
        f"The database was restored, and the FN of {waits} has not been read back yet: group {group_id} "
        "sells when that is done. Connect the register, or take it out of [[group]] and restart.",
        f"База данных восстановлена, а ФН ККТ {waits} ещё не прочитан: группа {group_id} начнёт продавать "
        "после этого. Подключите ККТ или уберите её из [[group]] и перезапустите.",
        reason=BlockReason.GROUP_UNREAD.value,
    )
