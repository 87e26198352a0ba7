"""A Russian page has the headings of its English page: as many, at the same levels, in the same order."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUSSIAN = sorted([*ROOT.glob("README.ru.md"), *(ROOT / "docs/ru").rglob("*.md")])
RUNBOOK = sorted((ROOT / "docs/runbook").glob("*.md"))
FENCED = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", flags=re.MULTILINE)


def english_of(page: Path) -> Path:
    if page.name == "README.ru.md":
        return ROOT / "README.md"
    return ROOT / "docs" / ("runbook" if page.parent.name == "runbook" else "how-to") / page.name


def levels(page: Path) -> list[int]:
    """How deep each heading is; lines in fenced code are no headings."""
    return [len(marks) for marks in HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))]


def test_there_are_russian_pages() -> None:
    assert ROOT / "docs/ru/install.md" in RUSSIAN


@pytest.mark.parametrize("page", RUNBOOK, ids=lambda page: page.name)
def test_each_alert_has_a_russian_page(page: Path) -> None:
    assert (ROOT / "docs/ru/runbook" / page.name).is_file()


@pytest.mark.parametrize("page", RUSSIAN, ids=lambda page: page.name)
def test_headings_keep_step(page: Path) -> None:
    assert levels(page) == levels(english_of(page))
