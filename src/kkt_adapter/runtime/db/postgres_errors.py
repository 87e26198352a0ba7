"""What an error of PostgreSQL means for us."""

from sqlalchemy.exc import DBAPIError

from kkt_adapter.kernel.errors import StorageError

# serialization_failure, deadlock_detected, invalid_sql_statement_name: nothing was stored; what was prepared
# is prepared anew.
RUN_AGAIN = frozenset({"40001", "40P01", "26000"})
LOCK_TIMEOUT = "55P03"  # lock_not_available
# Shutting down, crashed, starting up, too many connections: the server, not the statement.
SERVER_AWAY = frozenset({"57P01", "57P02", "57P03", "53300", "58030"})


def state(error: DBAPIError) -> str | None:
    """SQLSTATE, when the server answered at all."""
    found = getattr(error.orig, "sqlstate", None)
    return found if isinstance(found, str) else None


def is_away(error: DBAPIError) -> bool:
    """Did the connection break, or could none be made?"""
    found = state(error)
    return error.connection_invalidated or found in SERVER_AWAY or (found is None and _operational(error))


def away(error: DBAPIError) -> StorageError:
    lines = str(error.orig).strip().splitlines()
    reason = lines[0] if lines else "no answer"
    return StorageError(
        f"The PostgreSQL server cannot be used ({reason}). The service goes on when it is back.",
        f"Сервер PostgreSQL недоступен ({reason}). Служба продолжит работу, когда он вернётся.",
    )


def outcome_unknown() -> StorageError:
    return StorageError(
        "The connection to PostgreSQL broke during the commit: it may be stored or "
        "not. Look before trying again.",
        "Связь с PostgreSQL прервалась во время фиксации: данные могли "
        "сохраниться или нет. Проверьте перед повтором.",
    )


def held_by_others(seconds: float) -> StorageError:
    return StorageError(
        f"Another process has been writing to the PostgreSQL database for {seconds:.0f} s. Try again later; "
        "if it stays so, look for its transaction in pg_stat_activity.",
        f"Другой процесс пишет в базу данных PostgreSQL уже {seconds:.0f} с. Повторите позже; если это "
        "не проходит, найдите его транзакцию в pg_stat_activity.",
    )


def _operational(error: DBAPIError) -> bool:
    return any(kind.__name__ == "OperationalError" for kind in type(error.orig).__mro__)
