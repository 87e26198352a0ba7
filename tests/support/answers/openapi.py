"""The committed description of the interface, and validators made of it."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from kkt_adapter.api.describe.full_schema import openapi_document

Json = dict[str, Any]

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
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


def validator(schema: Json) -> Any:
    """Checks a value by a schema of the document."""
    components = {"schemas": document()["components"]["schemas"]}
    return jsonschema_rs.Draft202012Validator(schema | {"components": components})


def dumped(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
