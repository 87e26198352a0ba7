"""Every page can be reached from the index, and the index from the README."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)\s#]+\.md)")


def linked(page: Path) -> set[Path]:
    return {
        (page.parent / to).resolve()
        for to in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in to
    }


def test_no_page_is_an_orphan() -> None:
    index = (ROOT / "docs/README.md").resolve()
    runbooks = [(ROOT / "docs" / folder / "README.md").resolve() for folder in ("runbook", "ru/runbook")]
    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")}
    assert index in linked(ROOT / "README.md")
    assert pages - linked(index) - {page for one in runbooks for page in linked(one)} - {index} == set()
