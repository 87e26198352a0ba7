"""A Russian page has the headings of its English page: as many, at the same levels, in the same order."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUSSIAN = sorted([*ROOT.glob("README.ru.md"), *(ROOT / "docs/ru").rglob("*.md")])
GUIDES = sorted((ROOT / "docs/ru").glob("*.md"))
HOW_TO = sorted((ROOT / "docs/how-to").glob("*.md"))
RUNBOOK = sorted((ROOT / "docs/runbook").glob("*.md"))
INDEX = (ROOT / "docs/README.md").read_text(encoding="utf-8")
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


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.name)
def test_each_guide_has_a_russian_page_beside_it_in_the_index(page: Path) -> None:
    assert (ROOT / "docs/ru" / page.name).is_file()
    assert f"({page.parent.name}/{page.name}) ([по-русски](ru/{page.name}))" in INDEX


@pytest.mark.parametrize("page", RUSSIAN, ids=lambda page: page.name)
def test_headings_keep_step(page: Path) -> None:
    assert levels(page) == levels(english_of(page))


def table_rows(page: Path) -> int:
    return sum(line.startswith("|") for line in page.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("page", RUSSIAN, ids=lambda page: page.name)
def test_no_table_row_is_missing_in_russian(page: Path) -> None:
    assert table_rows(page) >= table_rows(english_of(page))


def commands(page: Path) -> list[str]:
    """What a reader types, without the comments: indented lines and fenced shell."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"(?<=\n\n)(?: {4}\S.*\n)+", FENCED.sub("", text))
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    typed = (re.sub(r"(^| {2,})# .*", "", line).strip() for line in lines)
    return [line for line in typed if line and line.isascii()]


@pytest.mark.parametrize("page", [ROOT / "README.ru.md", *GUIDES], ids=lambda page: page.name)
def test_both_languages_type_the_same_commands(page: Path) -> None:
    assert commands(page) == commands(english_of(page))


def test_commands_are_found() -> None:
    assert "make test" in commands(ROOT / "README.ru.md")
    assert "systemctl daemon-reload" in commands(ROOT / "docs/ru/install.md")
