"""Every JSON answer that a test of the real product sees is checked against docs/reference/openapi.json."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2
import jsonschema_rs
from tests.support.answers.openapi import COMMITTED, Json

PROBLEM = "application/problem+json"


class Conformance:
    """The committed description as a check. ``seen`` collects the operations that answered with success."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._paths = [(_pattern(path), path) for path in sorted(document["paths"], key=_static_first)]
        self._components = document["components"]
        self._closed = {name: _close(one) for name, one in document["components"]["schemas"].items()}
        self._validators: dict[str, Any] = {}
        self.seen: set[str] = set()

    def check(self, method: str, path: str, status: int, content_type: str, body: bytes) -> None:
        """Raises AssertionError; a path or method that the description does not have is left alone."""
        template = next((known for pattern, known in self._paths if pattern.fullmatch(path)), None)
        operation = None if template is None else self._document["paths"][template].get(method.lower())
        if operation is None:
            return
        name = f"{method} {template}"
        response = operation["responses"].get(str(status))
        assert response is not None, (
            f"{name} answers {status}, which openapi.json does not have: {body[:300]!r}"
        )
        if status < 300:
            self.seen.add(name)
        if "$ref" in response:
            response = self._components["responses"][response["$ref"].rpartition("/")[2]]
        media_type = content_type.partition(";")[0].strip()
        if not body and not response.get("content"):
            return
        assert media_type in response["content"], f"{name} {status} answers {media_type!r}"
        if media_type in ("application/json", PROBLEM):
            errors = [
                f"{'.'.join(map(str, error.instance_path))}: {error.message}"
                for error in self._validator(
                    response["content"][media_type]["schema"], media_type
                ).iter_errors(json.loads(body))
            ]
            assert not errors, f"{name} {status} is not as openapi.json says: {errors[:5]}"

    def _validator(self, schema: Json, media_type: str) -> Any:
        key = json.dumps(schema, sort_keys=True) + media_type
        if key not in self._validators:
            # Success is checked closed: a member that no schema names is an error. Problems may bring more.
            problem = media_type == PROBLEM
            schemas = self._components["schemas"] if problem else self._closed
            whole = (schema if problem else _close(schema)) | {"components": {"schemas": schemas}}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]

    async def hook(self, response: httpx2.Response) -> None:
        """For ``event_hooks`` of a client."""
        content_type = response.headers.get("content-type", "")
        if "json" in content_type and "ndjson" not in content_type:
            body = await response.aread()
            request = response.request
            self.check(request.method, request.url.path, response.status_code, content_type, body)


@cache
def conformance() -> Conformance:
    """One for the whole test run."""
    return Conformance(json.loads(COMMITTED.read_text(encoding="utf-8")))


def hooks() -> Mapping[str, Any]:
    return {"response": [conformance().hook]}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))


def _static_first(path: str) -> tuple[bool, str]:
    return "{" in path, path


def _close(node: Any) -> Any:
    if isinstance(node, list):
        return [_close(member) for member in node]
    if not isinstance(node, dict):
        return node
    made = {name: _close(member) for name, member in node.items()}
    if isinstance(node.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made
