"""Rules of the house that no linter knows: sizes, what the domain hands out, what a package says of itself.

Import rules stand in pyproject.toml (import-linter).
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import kkt_adapter

ROOT = Path(kkt_adapter.__file__).parent
TESTS = Path(__file__).parents[1]
BENCH = TESTS.parent / "bench"
SCRIPTS = TESTS.parent / "scripts"
TOO_LONG = 400  # lines; a file has fewer
BANNER = re.compile(r"^ *# ?-{3,}", re.MULTILINE)
MOST_FLAT = 24  # files of a package, its __init__ aside
MOST_OF_FUNCTION = 60  # lines
SHAPES = ("api/schemas/", "client/")  # may carry the name of what they show, each once
TWO_MEANINGS = {"Status"}  # of a receipt; of an answer of KkmServer, whose own word it is
UNSHIPPED = re.compile(r"\b[Cc]ontract [1-9]|[Pp]rotocol[ ]notes")
UNTYPED = re.compile(r"(dict|Mapping)\[str, (Any|object)\]|\bJson\b")


@cache
def sources() -> dict[str, ast.Module]:
    files = sorted(ROOT.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for name, module in sources().items():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, node


def everywhere() -> Iterator[Path]:
    """The product, its tests, the bench and the scripts."""
    for folder in (ROOT, TESTS, BENCH, SCRIPTS):
        yield from folder.rglob("*.py")


def test_no_file_is_longer_than_one_can_read() -> None:
    lengths = {str(path): path.read_text(encoding="utf-8").count("\n") for path in everywhere()}
    assert len(lengths) > len(sources())
    assert not {name: n for name, n in lengths.items() if n >= TOO_LONG}


def test_no_banner_stands_where_a_module_of_its_own_should() -> None:
    assert not [str(path) for path in everywhere() if BANNER.search(path.read_text(encoding="utf-8"))]


def test_no_package_is_crowded() -> None:
    flat = Counter(Path(name).parent.as_posix() for name in sources() if not name.endswith("__init__.py"))
    assert not {name: n for name, n in flat.items() if n > MOST_FLAT}


def test_no_folder_of_tests_or_of_the_bench_is_crowded() -> None:
    files = [*TESTS.rglob("*.py"), *BENCH.rglob("*.py")]
    flat = Counter(path.parent.as_posix() for path in files if path.name != "__init__.py")
    assert not {name: n for name, n in flat.items() if n > MOST_FLAT}


def test_no_function_is_longer_than_a_page() -> None:
    long = {
        f"{name} {node.name}"
        for name, node in functions()
        if (node.end_lineno or node.lineno) - node.lineno > MOST_OF_FUNCTION
    }
    assert long == set()


def test_the_domain_hands_out_no_untyped_dicts() -> None:
    """Its answers are frozen read models; JSON of somebody else has a named type that says whose it is."""
    untyped = [
        f"{name} {node.name} -> {ast.unparse(node.returns)}"
        for name, node in functions()
        if name.startswith(("fiscal/", "catalog/"))
        and node.returns is not None
        and UNTYPED.search(ast.unparse(node.returns))
    ]
    assert untyped == []


def test_no_text_cites_what_does_not_ship() -> None:
    """Rules stand in docs/reference; notes that they were made from are elsewhere."""
    texts = {path: path.read_text(encoding="utf-8") for base in (ROOT, TESTS) for path in base.rglob("*.py")}
    cited = {str(path): found for path, text in texts.items() if (found := UNSHIPPED.findall(text))}
    assert cited == {}


def test_every_package_says_what_it_is_for() -> None:
    """Its duty, what goes in, what comes out."""
    silent = [
        name
        for name, module in sources().items()
        if name.endswith("__init__.py")
        and not {"In:", "Out:"} <= set((ast.get_docstring(module) or "").split())
    ]
    assert silent == []


def test_a_class_name_stands_for_one_thing() -> None:
    """Beside the domain's own class only its shape in an answer and its class in the client have the name."""
    names: dict[str, Counter[str]] = {}
    for path, module in sources().items():
        part = next((shape for shape in SHAPES if path.startswith(shape)), "")
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, Counter())[part] += 1
    twice = {name for name, parts in names.items() if max(parts.values()) > 1}
    assert twice == TWO_MEANINGS
