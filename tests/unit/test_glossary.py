"""The glossary names classes that exist, and no name in the code uses a word that the glossary replaces."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its two head lines."""
    section = GLOSSARY.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(path: Path) -> set[str]:
    """The module's name and those of its classes, functions, arguments and attributes."""
    found = {path.stem}
    for node in ast.walk(parsed(path)):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.arg():
                found.add(node.arg)
            case ast.Attribute():
                found.add(node.attr)
            case ast.Name():
                found.add(node.id)
    return found


def words(name: str) -> list[str]:
    """``RegisterSession`` and ``register_session`` alike: ["register", "session"]."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)]


def has_any(name: list[str], phrases: list[list[str]]) -> bool:
    return any(phrase == name[at : at + len(phrase)] for phrase in phrases for at in range(len(name)))


def replaced_phrases() -> list[str]:
    return [phrase for row in rows("Words that are not used") for phrase in row[0].split(", ")]


def test_names_are_split_into_words():
    assert words("RegisterSession") == words("register_session") == words("_REGISTER_SESSION")


def test_every_class_of_the_glossary_exists():
    classes = {
        node.name for path in SOURCES for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)
    }
    named = {
        name
        for row in rows("Words of our own, and the classes that carry them")
        for name in re.findall(r"`(\w+)`", row[1])
    }

    assert len(named) > 30
    assert named - classes == set()


def test_no_name_uses_a_word_that_the_glossary_replaces():
    replaced = [words(phrase.replace(" ", "_")) for phrase in replaced_phrases()]
    assert len(replaced) > 10

    used = {name: path for path in SOURCES for name in names(path)}
    plural = [[*word[:-1], f"{word[-1]}s"] for word in replaced]
    found = [
        f"{used[name].relative_to(ROOT)}: {name}"
        for name in sorted(used)
        if has_any(words(name), replaced + plural)
    ]

    assert found == []


IN_TEXTS = [
    phrase for phrase in replaced_phrases() if phrase != "cloud"
]  # "cloud fiscalisation" is the field's
PAGES = [
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if page.name
    not in ("glossary.md", "CHANGELOG.md")  # the one explains them, the other names what was renamed
]
STORED = {ROOT / "src/kkt_adapter/fiscal/kkt/virtual/schema.py"}  # renames a column of older files


def test_no_text_uses_a_word_that_the_glossary_replaces() -> None:
    said = re.compile(rf"\b(?:{'|'.join(IN_TEXTS)})s?\b", flags=re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in [*PAGES, *(set(SOURCES) - STORED)]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if said.search(line)
    ]

    assert sorted(found) == []
