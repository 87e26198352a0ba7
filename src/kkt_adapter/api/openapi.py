"""/openapi.json: what FastAPI sees of the routes, and the one route it does not see."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from kkt_adapter.api.schemas import examples
from kkt_adapter.api.schemas.documents import PROBLEM, PROBLEM_ANSWER
from kkt_adapter.api.schemas.receipt_body import ReceiptBody

_REF = "#/components/schemas/{model}"
_TAGS = [
    {"name": "receipts", "description": "Accepting, reading and settling receipts."},
    {"name": "register", "description": "The device: reports and status."},
    {"name": "sessions", "description": "A till's drawer from opening to closing."},
    {"name": "back offices", "description": "What other systems are told of receipts."},
    {"name": "buffer", "description": "What waits for the operator, and its delivery."},
    {"name": "dead letters", "description": "What the operator would not take."},
    {"name": "maintenance", "description": "No new receipts for a while."},
    {"name": "health", "description": "Without a token."},
]


def describe(app: FastAPI, *, accept_path: str) -> dict[str, Any]:
    """The whole document; built anew at each call."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=_TAGS
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    body = ReceiptBody.model_json_schema(ref_template=_REF)
    schemas.update(body.pop("$defs", {}))
    schemas["ReceiptBody"] = body
    schemas["Problem"] = PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A till token, or an access token of POST /api/v1/auth/login.",
        }
    }
    document["paths"].setdefault(accept_path, {})["post"] = _accept()
    return document


def _accept() -> dict[str, Any]:
    return {
        "tags": ["receipts"],
        "summary": "Accept a receipt",
        "description": "200 means that the receipt is on disk. `printed`: the register made the document; "
        "`buffered`: it did not in time, printing goes on by itself. Repeat with the same Idempotency-Key "
        "after any time-out: it is never printed twice.",
        "operationId": "accept_receipt",
        "security": [{"bearer": []}, {}],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "A new UUID for each receipt; the same one for every repetition.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
                "example": examples.KEY,
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": _REF.format(model="ReceiptBody")},
                    "examples": {
                        "smallest": {"summary": "The smallest sale", "value": examples.RECEIPT_BODY},
                        "full": {
                            "summary": "With VAT, a weight and two payments",
                            "value": examples.RECEIPT_BODY_FULL,
                        },
                    },
                }
            },
        },
        "responses": {
            "200": {
                "description": "Accepted.",
                "headers": {
                    "Idempotency-Replayed": {
                        "description": "true: the key was known, this is the first answer again.",
                        "schema": {"type": "string"},
                    }
                },
                "content": {"application/json": {"example": examples.ACCEPTED}},
            },
            "422": PROBLEM_ANSWER,
            "default": PROBLEM_ANSWER,
        },
    }
