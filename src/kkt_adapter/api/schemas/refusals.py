"""What /openapi.json says of refusals: for each operation every error code, with an example of its body.

A route names the codes of its own (``answers(..., refuses="CONFLICT NOT_FOUND")``); those that every
operation of its kind may answer are added here. A test finds a code that is answered but not named.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kkt_adapter.api.error_codes import ROWS
from kkt_adapter.api.problems import RefusedByStatus, problem

Json = dict[str, Any]

CODES: Final = "x-codes"  # of a response, while the document is made
EXAMPLE: Final = "x-example"
"""An example as JSON text: FastAPI leaves out every null of an object, where it is a value like any other."""

PROBLEM_REF: Final = "#/components/schemas/Problem"
MEDIA_TYPE: Final = "application/problem+json"

OF_DEVICE: Final = (
    "KKT_BLOCKED KKT_UNAVAILABLE KKT_ERROR KKT_REFUSED KKT_OUTCOME_UNKNOWN KKT_PROTOCOL_ERROR LEASE_LOST"
)
"""What a register may answer instead of making a document."""

NO_TOKEN: Final = frozenset(
    {"/", "/health", "/ready", "/v1/health", "/api/v1/auth/login", "/api/v1/scheduler/status"}
)
_LIMITED: Final = ("/v1/", "/api/v1/")
_OUTSIDE_DATABASE: Final = frozenset({"/", "/health", "/ready", "/v1/health"})
_STRICT: Final = "/api/v1/products"  # reads that refuse parameters which they do not have
_SAFE: Final = frozenset({"get", "head"})
_EXAMPLE_ID: Final = "8d4f6f5e-0d0c-4e8a-9a63-0d6f2a3d9b11"

PROBLEM: Final[Json] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457). Codes may bring members of their own: receipt_id, reason ...",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "id"],
    "properties": {
        "type": {"type": "string", "description": "urn:kkt-adapter:problem:<code>"},
        "title": {"type": "string"},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {
            "type": "string",
            "description": "For people, in the language of Accept-Language (ru, en).",
        },
        "code": {"type": "string", "description": "Stable; see docs/reference/errors.md."},
        "id": {"type": "string", "format": "uuid", "description": "Also in X-Request-Id and in the log."},
        "retry_after": {"type": "integer", "description": "Seconds; also in Retry-After."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "code"],
                "properties": {
                    "field": {"type": "string", "description": "Path, for example items.0.price."},
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                    "tag": {"type": "integer", "description": "FFD tag."},
                    "remedy": {"type": "string"},
                },
            },
        },
        "errors_left_off": {"type": "integer", "description": "Bad fields beyond the first 100."},
    },
    "example": {
        "type": "urn:kkt-adapter:problem:VALIDATION_ERROR",
        "title": "The request does not fit",
        "status": 422,
        "detail": "must be above zero",
        "code": "VALIDATION_ERROR",
        "id": _EXAMPLE_ID,
        "errors": [
            {"field": "items.0.price", "message": "must be above zero", "code": "not_positive", "tag": 1079}
        ],
    },
}


def refusals(codes: str) -> dict[int | str, Json]:
    """The ``responses`` of a route that may answer these codes, separated by spaces."""
    grouped = _by_status(codes.split())
    return {status: {"description": " ".join(named), CODES: named} for status, named in grouped.items()}


def complete(document: Json) -> None:
    """Give every operation its security and all of its refusals, each kind of refusal written down once."""
    components = document.setdefault("components", {})
    shared: Json = components.setdefault("responses", {})
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation, shared)
            _name_body(operation, components["schemas"])
    components["responses"] = dict(sorted(shared.items()))


def _complete(path: str, method: str, operation: Json, shared: Json) -> None:
    needs_token = path not in NO_TOKEN
    if needs_token and "security" not in operation:
        always = path.startswith("/api/v1/") and not path.startswith("/api/v1/products")
        operation["security"] = [{"bearer": []}] if always else [{"bearer": []}, {}]
    responses: Json = operation["responses"]
    for described in (operation.get("requestBody", {}), *responses.values()):
        for content in described.get("content", {}).values():
            if EXAMPLE in content:
                content["example"] = json.loads(content.pop(EXAMPLE))
    own = [code for response in responses.values() for code in response.pop(CODES, ())]
    responses.pop("default", None)
    if responses.get("422", {}).get("content", {}).get("application/json"):  # FastAPI's own idea of a refusal
        del responses["422"]
    for status, codes in _by_status({*own, *_of_all(path, method, operation)}).items():
        kept = responses.get(str(status), {}).get("content")
        name = "_".join(codes)
        if kept is not None:  # an answer of its own beside the refusals
            responses[str(status)]["content"] = kept | _content(codes)
        else:
            shared.setdefault(name, {"description": _said(codes), "content": _content(codes)})
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    operation["responses"] = dict(sorted(responses.items()))


def _name_body(operation: Json, schemas: Json) -> None:
    """The schema of a body stands among the others, under the name of its model."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "title" in content.get("schema", {}):
        name = content["schema"]["title"]
        schemas[name] = content["schema"]
        content["schema"] = {"$ref": f"#/components/schemas/{name}"}
    for parameter in operation.get("parameters", ()):
        parameter["schema"].pop("title", None)


def _of_all(path: str, method: str, operation: Mapping[str, Any]) -> Iterable[str]:
    yield from ("FORBIDDEN", "INTERNAL")
    if path not in NO_TOKEN:
        yield "UNAUTHORIZED"
    if path not in _OUTSIDE_DATABASE:
        yield "STORAGE_ERROR"
    strict = method not in _SAFE or path.startswith(_STRICT)  # what nobody reads is refused: api/strict.py
    if strict or operation.get("parameters") or operation.get("requestBody"):
        yield "VALIDATION_ERROR"
    if path.startswith(_LIMITED) and path != "/v1/health":
        yield from ("RATE_LIMITED", "OVERLOADED")
        if method not in _SAFE:
            yield from ("BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT")


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    """Codes in the order of the table. Raises KeyError for one that is not in it."""
    wanted = {code: ROWS[code].status for code in codes}
    found: dict[int, list[str]] = {}
    for code in ROWS:
        if code in wanted:
            found.setdefault(wanted[code], []).append(code)
    return found


def _said(codes: Iterable[str]) -> str:
    return "; ".join(f"{code}: {ROWS[code].title.en}" for code in codes)


def _content(codes: list[str]) -> Json:
    named = {"type": "object", "properties": {"code": {"type": "string", "enum": codes}}}
    return {
        MEDIA_TYPE: {
            "schema": {"allOf": [{"$ref": PROBLEM_REF}, named]},
            "examples": {code: {"summary": ROWS[code].title.en, "value": _example(code)} for code in codes},
        }
    }


def _example(code: str) -> Any:
    body = problem(RefusedByStatus(code), language="en", request_id=_EXAMPLE_ID).body
    return json.loads(body)
