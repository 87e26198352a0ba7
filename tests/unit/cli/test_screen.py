"""What reaches the terminal or the pipe."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.cli.screen import busy, facts, json_line, moment, plain, table


@pytest.fixture(autouse=True)
def into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@given(st.text())
def test_nothing_that_drives_a_terminal_comes_through(text: str) -> None:
    assert all(character.isprintable() for character in plain(text))


def test_plain_keeps_words_and_disarms_escapes() -> None:
    assert plain("Кофе \x1b[31mred\n two  lines") == "Кофе \N{REPLACEMENT CHARACTER}[31mred two lines"
    assert plain(None) == ""
    assert plain(0) == "0"


def test_columns_stand_under_their_heads(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id", "till"), [(1, "POS-001"), (10, None)], title="Tills")
    assert capsys.readouterr().out == "\nTills\nid  till\n1   POS-001\n10\n"


def test_a_table_without_rows_is_its_heads(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id", "till"), [])
    assert capsys.readouterr().out == "id  till\n"


def test_long_lines_are_not_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    table(("text",), [("x" * 500,)])
    assert "x" * 500 in capsys.readouterr().out


def test_facts_leave_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    facts((("till", "POS-001"), ("printed", ""), ("attempts", 0), ("error", None)))
    assert capsys.readouterr().out == "till      POS-001\nattempts  0\n"


def test_markup_in_data_is_shown_as_it_is_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    table(("name", "status"), [("[red]:smile: 12", "synced")])
    facts((("name", "[bold]x[/bold]"),))
    shown = capsys.readouterr().out
    assert "[red]:smile: 12" in shown
    assert "[bold]x[/bold]" in shown
    assert "\x1b[32msynced" in shown  # green


def test_json_keeps_the_digits_of_money(capsys: pytest.CaptureFixture[str]) -> None:
    json_line({"total": Decimal("100.50"), "name": "Хлеб"})
    assert capsys.readouterr().out == '{"total":100.50,"name":"Хлеб"}\n'


def test_times_are_shown_on_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Moscow")
    time.tzset()
    try:
        assert moment("2026-03-14T09:00:00.120Z") == "2026-03-14 12:00:00"
        assert moment("2026-03-14T09:00:00") == "2026-03-14 09:00:00"  # a register's clock has no zone
    finally:
        monkeypatch.undo()
        time.tzset()
    assert moment(None) == ""
    assert moment("soon") == "soon"


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with busy("Working"):
        pass
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
