"""A Russian page has the headings of its English page: as many, at the same levels, in the same order."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUSSIAN = sorted([*ROOT.glob("README.ru.md"), *(ROOT / "docs/ru").rglob("*.md")])
GUIDES = sorted((ROOT / "docs/ru").glob("*.md"))
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
