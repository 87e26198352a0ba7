"""Pages that the code cites exist, with the heading that is named; rules are cited by page, not by number."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = [path for folder in ("src", "tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]
CITED = re.compile(r"(?<![\w/.*{}-])((?:docs/)?(?:[a-z]+/)*[a-z0-9-]+\.md)(?:#([\w-]+))?")
ELSEWHERE = {"README.md", "page.md"}  # not pages of ours: the project's first page, and what tests write


def anchors(page: Path) -> set[str]:
    """The names of headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def pages(cited: str) -> list[Path]:
    """The pages that a citation can mean: by its end, as ``states.md`` or ``reference/states.md``."""
    return [page for page in DOCS.rglob("*.md") if f"/{page.relative_to(ROOT)}".endswith(f"/{cited}")]


def citations() -> list[tuple[str, str, str]]:
    return [
        (str(path.relative_to(ROOT)), cited, anchor)
        for path in SOURCES
        for cited, anchor in CITED.findall(path.read_text(encoding="utf-8"))
        if cited not in ELSEWHERE
    ]


def test_every_cited_page_and_heading_exists():
    found = citations()
    dangling = [
        (path, cited, anchor)
        for path, cited, anchor in found
        if not any(not anchor or anchor in anchors(page) for page in pages(cited))
    ]

    assert len(found) > 60
    assert dangling == []


def test_no_rule_is_cited_by_a_number():
    numbered = re.compile(r"\bcontract,? (?:section )?\d")
    found = [
        str(path.relative_to(ROOT)) for path in SOURCES if numbered.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []
