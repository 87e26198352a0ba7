"""What /openapi.json says of bodies and answers that are read and written by hand."""

from typing import Any

from pydantic import BaseModel

PROBLEM_REF = "#/components/schemas/Problem"

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457). Codes may bring members of their own: receipt_id, reason ...",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "id"],
    "properties": {
        "type": {"type": "string", "description": "urn:kkt-adapter:problem:<code>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {
            "type": "string",
            "description": "For people, in the language of Accept-Language (ru, en).",
        },
        "code": {"type": "string", "description": "Stable; see the table of codes."},
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
    },
    "example": {
        "type": "urn:kkt-adapter:problem:VALIDATION_ERROR",
        "title": "The request does not fit",
        "status": 422,
        "detail": "must be above zero",
        "code": "VALIDATION_ERROR",
        "id": "8d4f6f5e-0d0c-4e8a-9a63-0d6f2a3d9b11",
        "errors": [
            {"field": "items.0.price", "message": "must be above zero", "code": "not_positive", "tag": 1079}
        ],
    },
}

PROBLEM_ANSWER: dict[str, Any] = {
    "description": "Any refusal or failure: problem details with a stable code.",
    "content": {"application/problem+json": {"schema": {"$ref": PROBLEM_REF}}},
}
REFUSALS: dict[int | str, dict[str, Any]] = {"default": PROBLEM_ANSWER, 422: PROBLEM_ANSWER}


def answers(example: object, description: str = "Done.") -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that answers 200 with such a body."""
    return {200: {"description": description, "content": {"application/json": {"example": example}}}}


def body_of(model: type[BaseModel], example: object, *, required: bool = True) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads its body by ``model`` itself."""
    return {
        "requestBody": {
            "required": required,
            "content": {"application/json": {"schema": model.model_json_schema(), "example": example}},
        }
    }
