"""How the bench judges a run, and that its charts can be read."""

import asyncio
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench import charts
from bench.method import quick
from bench.programs import big
from bench.programs.fill import filled_folder
from bench.report import Grade, Report, Target

AT_LEAST = Target(row="1", what="rate / rate", must=10, stretch=20)
AT_MOST = Target(row="2", what="time <p99>", must=10, stretch=5, at_least=False)
NONE = Target(row="3", what="faults", must=0, at_least=False)


@pytest.mark.parametrize(
    ("target", "value", "full", "quick"),
    [
        (AT_LEAST, 20, Grade.STRETCH, Grade.STRETCH),
        (AT_LEAST, 10, Grade.PASS, Grade.PASS),
        (AT_LEAST, 8.6, Grade.MISS, Grade.NEAR),
        (AT_LEAST, 8.4, Grade.MISS, Grade.MISS),
        (AT_MOST, 5, Grade.STRETCH, Grade.STRETCH),
        (AT_MOST, 11.4, Grade.MISS, Grade.NEAR),
        (AT_MOST, 11.6, Grade.MISS, Grade.MISS),
        (NONE, 0, Grade.PASS, Grade.PASS),
        (NONE, 1, Grade.MISS, Grade.MISS),
    ],
)
def test_a_quick_run_lets_a_must_be_missed_by_its_margin(
    target: Target, value: float, full: Grade, quick: Grade
) -> None:
    assert target.grade(value) is full
    assert target.grade(value, 0.15) is quick


@pytest.mark.parametrize(
    ("target", "value", "reached"),
    [(AT_LEAST, 15, 1.5), (AT_MOST, 20, 0.5), (NONE, 0, 1), (NONE, 2, 0), (AT_LEAST, 0, 0), (AT_MOST, 0, 1)],
)
def test_a_bar_tells_how_many_times_the_must_is_reached(target: Target, value: float, reached: float) -> None:
    assert target.reached(value) == reached


def test_the_page_gets_its_charts_and_table_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{charts.BEGIN}\nold\n{charts.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(charts, "PAGE", page)
    monkeypatch.setattr(charts, "FOLDER", tmp_path / "performance")
    report = Report(margin=0.15)
    report.add(AT_LEAST, [8, 9, 30])
    report.add(AT_MOST, [4, 5, 6])
    report.note("fast disk: product c=32", "receipts/s", [900, 1000, 1100])

    charts.draw(report, rounds=3)
    charts.draw(report, rounds=3)

    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| 1 | rate / rate | >= 10 (20) | 9 | 8 | 30 | near |" in text
    drawn = sorted((tmp_path / "performance").iterdir())
    assert [one.name for one in drawn] == ["musts.svg", "rates-fast.svg"]
    for one in drawn:
        assert f"](performance/{one.name})" in text
        assert ElementTree.parse(one).getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("wanted", "free", "receipts"), [(None, 61e9, 10_000_000), (None, 59e9, 3_000_000), (640, 1e9, 640)]
)
def test_a_big_book_is_as_large_as_the_disk_takes(wanted: int | None, free: float, receipts: int) -> None:
    assert big.size(wanted=wanted, free=free) == receipts


def test_a_book_can_be_filled_and_forgotten(tmp_path: Path) -> None:
    """Copies of rows fit the present schema, and steps of the forgetting find them old."""
    said: list[str] = []
    method = replace(quick(tmp_path, rounds=1), stored=640)

    folder = filled_folder(method, said.append)

    assert len(asyncio.run(big.forgetting(folder / "buffer.db", steps=3))) == 3
    assert said[0] == "filling a database with 640 receipts"
