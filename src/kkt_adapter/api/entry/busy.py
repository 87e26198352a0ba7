"""Refusals of an adapter that has too much to do, or that stops."""

from kkt_adapter.kernel.errors import Overloaded, StorageError


def overloaded() -> Overloaded:
    return Overloaded(
        "More requests wait than the adapter takes. Repeat with the same Idempotency-Key in a second.",
        "Запросов больше, чем адаптер принимает сразу. Повторите с тем же Idempotency-Key через секунду.",
    )


def stopping() -> StorageError:
    return StorageError(
        "The service stops and could not wait for the end of this request; whether it was done is not known. "
        "Repeat it, a receipt with the same Idempotency-Key.",
        "Служба останавливается и не дождалась конца запроса; выполнен ли он, неизвестно. "
        "Повторите его, чек — с тем же Idempotency-Key.",
        retry_after=2,
    )
