"""No dead code: a function, class, constant or method whose name occurs only once is used by nobody."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = ("src", "tests", "bench", "examples", "scripts")
KINDS = {".py", ".html", ".js"}
APART = ("migrations/versions", "kkt_adapter/client/")  # run by Alembic; made from the interface
OURS = {"property", "staticmethod", "classmethod", "override"}  # others give a function to a framework
CALLED_BY_NAME = {
    "impl",  # SQLAlchemy
    "cache_ok",
    "process_bind_param",
    "process_result_value",
    "on_url",  # httptools
    "on_header",
    "on_message_begin",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",  # uvicorn
    "build_middleware_stack",  # FastAPI
}


def is_ours(node: ast.stmt) -> bool:
    """No framework was given it by a decorator, and Python does not call it by itself."""
    decorators = {ast.unparse(one) for one in getattr(node, "decorator_list", ())}
    return decorators <= OURS and not node.name.startswith("__")  # type: ignore[attr-defined]


def defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield node.name
                yield from (name for name in defined(node.body) if not name.isupper())  # members of enums
            case ast.FunctionDef() | ast.AsyncFunctionDef() if is_ours(node):
                yield node.name
            case ast.Assign():
                yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name) and stored(one))
            case ast.AnnAssign(target=ast.Name(id=name)) if name.isupper():
                yield name  # others are fields


def stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def test_every_name_is_used_somewhere() -> None:
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in READ
        for path in (ROOT / folder).rglob("*")
        if path.suffix in KINDS
    }
    counted = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    code = [
        path
        for path in texts
        if path.suffix == ".py" and ROOT / "src" in path.parents and not any(a in str(path) for a in APART)
    ]
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in code
        for name in defined(ast.parse(texts[path]).body)
        if counted[name] == 1 and name not in CALLED_BY_NAME
    ]
    assert len(code) > 500
    assert found == []
