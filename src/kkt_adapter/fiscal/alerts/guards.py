"""Conditions about what the service itself stands on: the database, and documents that are not ours."""

from collections.abc import Iterator

from kkt_adapter.fiscal.alerts.finding import HOUR_S, Finding, in_hours
from kkt_adapter.fiscal.monitoring.observation import Observation
from kkt_adapter.fiscal.store.losses import LossKind
from kkt_adapter.kernel.errors import Text


def receipts_lost(seen: Observation) -> Iterator[Finding]:
    for loss in seen.losses:
        if loss.kind is LossKind.WENT_BACK:
            yield Finding(
                subject="database",
                message=Text(
                    "The database is an earlier state of itself: its count of changes fell from "
                    f"{loss.last} to {loss.first}. Receipts accepted in between are missing.",
                    f"База данных вернулась в прежнее состояние: счётчик изменений упал с {loss.last} до "
                    f"{loss.first}. Чеков, принятых в промежутке, в ней нет.",
                ),
            )
        elif loss.kind is LossKind.LOST:
            yield Finding(
                subject=loss.fn_number,
                message=Text(
                    f"FN {loss.fn_number} of register {loss.register_id} holds {loss.count} receipts that "
                    f"the database has lost (documents {loss.first} to {loss.last}).",
                    f"В ФН {loss.fn_number} ККТ {loss.register_id} есть чеки, которых нет в базе: "
                    f"{loss.count} (ФД с {loss.first} по {loss.last}).",
                ),
            )


def printed_by_others(seen: Observation) -> Iterator[Finding]:
    for loss in seen.losses:
        if loss.kind is LossKind.OTHERS:
            yield Finding(
                subject=loss.fn_number,
                message=Text(
                    f"Another program printed {loss.count} receipts on register {loss.register_id} "
                    f"(documents {loss.first} to {loss.last} of FN {loss.fn_number}).",
                    f"На ККТ {loss.register_id} другая программа оформила чеков: {loss.count} "
                    f"(ФД с {loss.first} по {loss.last}, ФН {loss.fn_number}).",
                ),
            )


def clock_doubted(seen: Observation) -> Iterator[Finding]:
    if seen.clock_doubt is not None:
        yield Finding(
            message=Text(
                f"The host's clock cannot be believed: {seen.clock_doubt.en}. Sales go on, nothing is "
                "deleted.",
                f"Часам компьютера нельзя верить: {seen.clock_doubt.ru}. Продажи идут; ничего не удаляется.",
            )
        )


def callbacks_failing(seen: Observation) -> Iterator[Finding]:
    failing_s = seen.callbacks_failing_s
    if failing_s is not None and failing_s > HOUR_S:
        yield Finding(
            message=Text(
                f"Every call back to a shop has failed for {in_hours(failing_s)} h: shops do not learn what "
                "became of their receipts.",
                f"Все обратные вызовы магазинов не удаются уже {in_hours(failing_s)} ч: магазины не узнают, "
                "что стало с их чеками.",
            )
        )


def short_secrets(seen: Observation) -> Iterator[Finding]:
    for name in seen.short_secrets:
        yield Finding(
            subject=name,
            message=Text(
                f"The signing secret {name} has fewer than 24 bytes. The next version will not take it.",
                f"Секрет подписи {name} короче 24 байт. Следующая версия с ним не запустится.",
            ),
        )
