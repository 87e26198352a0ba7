"""Database addresses: ``sqlite:///file.db``, ``sqlite:////absolute.db``, ``postgresql://...`` or a path."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from kkt_adapter.kernel.errors import SettingsInvalid

POSTGRES_NAMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


def sqlite_path(url: str | Path) -> Path | None:
    """The file of a SQLite address, or None when it is a PostgreSQL one.

    Raises:
        SettingsInvalid: it is neither, or SQLite without a file (in memory nothing is durable).
    """
    if isinstance(url, Path):
        return url
    if "://" not in url:
        if not url.strip():
            raise _invalid(url)
        return Path(url)
    parsed = _parse(url)
    if parsed.drivername in POSTGRES_NAMES:
        return None
    if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise _invalid(url)
    return Path(parsed.database)


def postgres_address(url: str) -> tuple[URL, str]:
    """The same address with the driver we use, and apart from it the server options that it brings, such
    as ``options=-csearch_path%3Dtill``: they have to be joined with our own.

    Raises:
        SettingsInvalid: it is not a PostgreSQL address.
    """
    parsed = _parse(url)
    if parsed.drivername not in POSTGRES_NAMES:
        raise _invalid(url)
    options = parsed.query.get("options", "")
    joined = options if isinstance(options, str) else " ".join(options)
    return parsed.set(drivername="postgresql+psycopg").difference_update_query(["options"]), joined


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise _invalid(url) from error


def _invalid(url: str) -> SettingsInvalid:
    shown = url.split("@")[-1]  # never the user and password
    return SettingsInvalid(
        f"Database address {shown!r} is not usable: give sqlite:///<file> or postgresql://<user>@<host>/<name>.",
        f"Адрес базы данных {shown!r} не подходит: укажите sqlite:///<файл> или postgresql://<user>@<host>/<имя>.",
    )
