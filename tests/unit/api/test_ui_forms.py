"""How the pages write numbers, times, tables for spreadsheets and JSON."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.api.ui.csv_text import csv_line
from kkt_adapter.api.ui.format import Format
from kkt_adapter.api.ui.json_text import laid_out
from kkt_adapter.api.ui.pages.audit import shown_facts

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
RU, EN = Format(english=False, now=NOW), Format(english=True, now=NOW)


@pytest.mark.parametrize(
    ("kop", "ru", "en"),
    [
        (0, "0,00 ₽", "0.00 ₽"),
        (123456789, "1 234 567,89 ₽", "1,234,567.89 ₽"),
        (-5, "−0,05 ₽", "−0.05 ₽"),
        (None, "—", "—"),
    ],
)
def test_money(kop: int | None, ru: str, en: str) -> None:
    plain = {ord("\N{NARROW NO-BREAK SPACE}"): " ", ord("\N{NO-BREAK SPACE}"): " "}
    assert (RU.money(kop).translate(plain), EN.money(kop).translate(plain)) == (ru, en)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0042, "4 ms"),
        (1.25, "1.2 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (90_000, "1 d 1 h"),
        (None, "—"),
    ],
)
def test_durations_have_their_two_largest_parts(seconds: float | None, shown: str) -> None:
    assert EN.duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_times_are_those_of_the_register() -> None:
    assert RU.moment(NOW, MOSCOW) == "15:00:00"
    assert RU.moment(NOW - timedelta(days=1), MOSCOW) == "13.03 15:00:00"
    assert EN.moment(NOW - timedelta(days=400), MOSCOW) == "7 Feb 2025 15:00:00"
    assert (RU.zone(MOSCOW), RU.zone(UTC)) == ("UTC+3", "UTC+0")
    assert RU.day(date(2026, 3, 4)) == "04.03.2026"


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_becomes_a_formula(cell: str) -> None:
    assert csv_line([cell]).decode().lstrip('"').startswith("'")


def test_plain_cells_stay_as_they_are() -> None:
    line = csv_line(["-10.50", "a;b", 'say "hi"', None, 7, "a,b"]).decode()
    assert line == '-10.50,a;b,"say ""hi""",,7,"a,b"\r\n'


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_laid_out_json_means_the_same(value: object) -> None:
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert json.loads(laid_out(compact)) == value


def test_laid_out_json_keeps_digits_and_has_a_member_on_each_line() -> None:
    assert laid_out('{"a":100.00,"b":[],"c":[1,"x,{"]}') == (
        '{\n  "a": 100.00,\n  "b": [],\n  "c": [\n    1,\n    "x,{"\n  ]\n}'
    )


def test_an_event_tells_its_texts_in_the_readers_language_and_no_empty_facts() -> None:
    told = '[{"code":"NAME_CHANGED","en":"Characters were replaced.","ru":"Символы заменены."}]'
    facts = {
        "by": "a.admin",
        "warnings": told,
        "deleted": {},
        "error": "",
        "pos_id": "POS-001",
        "n": 0,
        "x": "[{",
    }
    assert shown_facts(facts, english=False) == {
        "предупреждения": "Символы заменены.", "касса": "POS-001", "n": 0, "x": "[{",
    }  # fmt: skip
    assert shown_facts(facts, english=True)["warnings"] == "Characters were replaced."
    alert = {"message": "Stands still.", "message_ru": "Остановлена.", "only_ru": "x"}
    assert shown_facts(alert, english=True) == {"message": "Stands still.", "only_ru": "x"}
    assert shown_facts(alert, english=False) == {"сообщение": "Остановлена.", "only_ru": "x"}
