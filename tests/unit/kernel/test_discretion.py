"""Paths, addresses and a server's own words do not leave the process."""

import pytest

from kkt_adapter.kernel.discretion import discreet, discreet_json, without_places
from kkt_adapter.kernel.errors import KktUnavailable, StorageError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Lock file /var/lib/kkt/data/a.lock cannot be made: busy.", "Lock file [...] cannot be made: busy."),
        ("«/var/lib/kkt» занят", "«[...]» занят"),
        ("no connection to ofd.example.ru:7777 in time", "no connection to [...] in time"),
        ("localhost:5432: refused", "[...]: refused"),
        ("связь: 10.0.0.5:7778: нет", "связь: [...]: нет"),
        ("at 192.168.137.111 nobody answers", "at [...] nobody answers"),
        ("serial:///dev/ttyUSB0?baudrate=115200 is gone", "[...] is gone"),
        ("postgresql://kkt:secret@db/kkt", "[...]"),
        (r"C:\ProgramData\kkt\a.db is locked", "[...] is locked"),
        ("[::1]:8000 is taken", "[...] is taken"),
    ],
)
def test_a_place_is_taken_out(text: str, shown: str) -> None:
    assert without_places(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "There is no such path. GET /docs lists all of them.",
        "POST /v1/kkt/shift/resolve settles it; /api/v1/alerts shows it.",
        "VAT 22/122 began on 2026-01-01 at 09:00:00, 01.01.2026 09:00",
        "доля и/или часть, 1/2, receipt 0198f0b2-7c5e-7000-8000-000000000000",
        "The register refuses: paper out (kod 0x6B). What to do: 1) paper 2) again",
        "ФД № 12: итог 100.00, смена 3",
    ],
)
def test_what_is_no_place_stays(text: str) -> None:
    assert without_places(text) == text


def test_of_the_database_only_our_own_words_are_told() -> None:
    error = StorageError(
        'The PostgreSQL server cannot be used (connection to server at "10.0.0.5", port 5432 failed: FATAL: '
        'password authentication failed for user "kkt" (SSL)). The service goes on when it is back.',
        "Сервер PostgreSQL недоступен (FATAL: the database system is shutting down). Повторите.",
    )
    told = discreet(error, error.detail)
    assert told.en == "The PostgreSQL server cannot be used. The service goes on when it is back."
    assert told.ru == "Сервер PostgreSQL недоступен. Повторите."


def test_other_errors_keep_what_they_say() -> None:
    error = KktUnavailable("no answer (timeout) from tcp://10.0.0.5:7778", "нет ответа (timeout)")
    assert discreet(error, error.detail) == ("no answer (timeout) from [...]", "нет ответа (timeout)")


def test_every_text_of_a_json_value() -> None:
    assert discreet_json({"error": "10.0.0.5: no", "n": 1, "all": ["/a/b", None]}) == {
        "error": "[...]: no",
        "n": 1,
        "all": ["[...]", None],
    }
