"""The committed description of the interface, and validators made of it."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from kkt_adapter.api.full_schema import openapi_document

Json = dict[str, Any]

COMMITTED = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


@cache
def document() -> Json:
    """What /openapi.json answers, made anew of the routes."""
    return openapi_document()


def operations() -> Iterator[tuple[str, Json]]:
    """``GET /path`` and its operation."""
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield f"{method.upper()} {path}", methods[method]


def validator(schema: Json, *, closed: bool = False) -> Any:
    """Checks a value by a schema of the document. ``closed``: refuses members without a schema too."""
    components = document()["components"]["schemas"]
    if closed:
        components, schema = _closed(components), _closed(schema)
    return jsonschema_rs.Draft202012Validator(schema | {"components": {"schemas": components}})


def dumped(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(member) for member in node]
    if not isinstance(node, dict):
        return node
    made = {name: _closed(member) for name, member in node.items()}
    if "properties" in node and node.get("title") != "Problem" and "allOf" not in node:
        made.setdefault("additionalProperties", False)
    return made
