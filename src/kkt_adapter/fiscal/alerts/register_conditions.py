"""Conditions of the alert table about a register and its FN."""

from collections.abc import Iterator

from kkt_adapter.fiscal.alerts.finding import DAY_S, Find, Finding, in_hours
from kkt_adapter.fiscal.monitoring import legal_clocks
from kkt_adapter.fiscal.monitoring.legal_clocks import ClockName
from kkt_adapter.fiscal.monitoring.observation import Observation, RegisterObservation
from kkt_adapter.kernel.errors import Text


def fn_days_at_most(days: int) -> Find:
    def find(seen: Observation) -> Iterator[Finding]:
        for register, left in _clock(seen, ClockName.FN_EXPIRY):
            if left <= days:
                yield Finding(
                    subject=register.register_id,
                    message=Text(
                        f"Register {register.register_id}: the FN has {left:.0f} days left.",
                        f"ККТ {register.register_id}: ФН закончится через {left:.0f} дн.",
                    ),
                )

    return find


def blocked(seen: Observation) -> Iterator[Finding]:
    for register in seen.registers:
        if register.blocked is not None:
            cause = register.trouble or Text(register.blocked, register.blocked)
            yield Finding(
                subject=register.register_id,
                message=Text(
                    f"Register {register.register_id} ({register.blocked}): {cause.en}",
                    f"ККТ {register.register_id} ({register.blocked}): {cause.ru}",
                ),
            )


def undecided(seen: Observation) -> Iterator[Finding]:
    for register in seen.registers:
        if register.undecided is not None:
            yield Finding(
                subject=register.register_id,
                message=Text(
                    f"Register {register.register_id} stands still: a person must decide about "
                    f"{register.undecided}.",
                    f"ККТ {register.register_id} остановлена: нужно решение человека — {register.undecided}.",
                ),
            )


def group_cannot_sell(seen: Observation) -> Iterator[Finding]:
    for group in seen.groups:
        if group.cannot_sell is not None:
            yield Finding(
                subject=group.group_id,
                message=Text(
                    f"Group {group.group_id} cannot sell: {group.cannot_sell.en}",
                    f"Группа {group.group_id} не печатает: {group.cannot_sell.ru}",
                ),
            )


def not_ready(seen: Observation) -> Iterator[Finding]:
    for register in seen.registers:
        if register.trouble is not None and register.blocked is None and register.undecided is None:
            yield Finding(
                subject=register.register_id,
                message=Text(
                    f"Register {register.register_id}: {register.trouble.en}",
                    f"ККТ {register.register_id}: {register.trouble.ru}",
                ),
            )


def fn_documents(seen: Observation) -> Iterator[Finding]:
    for register, left in _clock(seen, ClockName.FN_DOCUMENTS):
        if left < legal_clocks.FN_DOCUMENTS_ALARM:
            yield Finding(
                subject=register.register_id,
                message=Text(
                    f"Register {register.register_id}: the FN takes {left:.0f} more documents.",
                    f"ККТ {register.register_id}: в ФН осталось место для {left:.0f} документов.",
                ),
            )


def undelivered_too_long(seen: Observation) -> Iterator[Finding]:
    for register, age_s in _clock(seen, ClockName.UNDELIVERED):
        if age_s > legal_clocks.UNDELIVERED_ALARM_S:
            yield Finding(
                subject=register.register_id,
                message=Text(
                    f"Register {register.register_id}: its oldest undelivered document is "
                    f"{age_s / DAY_S:.1f} days old; at 30 days the FN blocks itself.",
                    f"ККТ {register.register_id}: самому старому непереданному документу {age_s / DAY_S:.1f} "
                    "дн.; на 30-й день ФН заблокируется.",
                ),
            )


def altered_documents(seen: Observation) -> Iterator[Finding]:
    """One finding for each register: its newest document, with both values, and how many there are."""
    for register_id in sorted({one.register_id for one in seen.altered}):
        found = [one for one in seen.altered if one.register_id == register_id]
        last = found[0]
        where = Text(
            f"tag {last.tag}" + (f" of line {last.line}" if last.line else ""),
            f"тег {last.tag}" + (f" строки {last.line}" if last.line else ""),
        )
        yield Finding(
            subject=register_id,
            message=Text(
                f"Register {register_id} made document {last.fd_number} otherwise than was asked for: "
                f'{where.en} is "{last.told}" instead of "{last.asked}". '
                f"Such documents in 24 h: {len(found)}.",
                f"ККТ {register_id} оформила ФД № {last.fd_number} не так, как было передано: {where.ru} — "
                f"«{last.told}» вместо «{last.asked}». Таких документов за сутки: {len(found)}.",
            ),
        )


def shift_long(seen: Observation) -> Iterator[Finding]:
    for register, age_s in _clock(seen, ClockName.SHIFT_END):
        if age_s > legal_clocks.SHIFT_WARN_S:
            yield Finding(
                subject=register.register_id,
                message=Text(
                    f"Register {register.register_id}: the shift has been open for {in_hours(age_s)} h "
                    "of 24.",
                    f"ККТ {register.register_id}: смена открыта {in_hours(age_s)} ч из 24.",
                ),
            )


def drifting(seen: Observation) -> Iterator[Finding]:
    for register in seen.registers:
        whose = (
            (ClockName.REGISTER_DRIFT, "the register's clock", "часы ККТ"),
            (ClockName.OPERATOR_DRIFT, "the operator's clock", "часы ОФД"),
        )
        for name, en, ru in whose:
            apart_s = register.values.get(name)
            if apart_s is not None and abs(apart_s) > legal_clocks.DRIFT_LIMIT_S:
                yield Finding(
                    subject=f"{register.register_id}:{name}",
                    message=Text(
                        f"Register {register.register_id}: {en} is {apart_s:+.0f} s off the host's.",
                        f"ККТ {register.register_id}: {ru} расходятся с компьютером на {apart_s:+.0f} с.",
                    ),
                )


def _clock(seen: Observation, name: ClockName) -> Iterator[tuple[RegisterObservation, float]]:
    for register in seen.registers:
        value = register.values.get(name)
        if value is not None:
            yield register, value
