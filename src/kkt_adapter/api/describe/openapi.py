"""/openapi.json: what FastAPI sees of the routes, and the one route it does not see."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from kkt_adapter.api.schemas.answers.receipts import AcceptedReceipt
from kkt_adapter.api.schemas.documents import REPLAYED, keyed_by
from kkt_adapter.api.schemas.examples import receipts as examples
from kkt_adapter.api.schemas.receipt_body import ReceiptBody
from kkt_adapter.api.schemas.refusals import PROBLEM, complete, refusals

_REF = "#/components/schemas/{model}"
_ACCEPT_REFUSES = (
    "IDEMPOTENCY_KEY_REQUIRED IDEMPOTENCY_CONFLICT IDEMPOTENCY_IN_PROGRESS NOT_FOUND REFUND_BLOCKED "
    "SHIFT_EXPIRED BUFFER_FULL KKT_BLOCKED MAINTENANCE LEASE_LOST"
)
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
    for name, schema in (
        ("ReceiptBody", ReceiptBody.model_json_schema(ref_template=_REF)),
        ("AcceptedReceipt", TypeAdapter(AcceptedReceipt).json_schema(ref_template=_REF)),
    ):
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
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
    complete(document)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    _drop_titles(document)
    return document


def _drop_titles(node: Any) -> None:
    """pydantic gives every member a title that only repeats its name."""
    if isinstance(node, dict):
        properties = node.get("properties")
        for name, member in properties.items() if isinstance(properties, dict) else ():
            if isinstance(member, dict) and member.get("title") == name.replace("_", " ").title():
                del member["title"]
        for member in node.values():
            _drop_titles(member)
    elif isinstance(node, list):
        for member in node:
            _drop_titles(member)


def _accept() -> dict[str, Any]:
    return {
        "tags": ["receipts"],
        "summary": "Accept a receipt",
        "description": "200 means that the receipt is on disk. `printed`: the register made the document; "
        "`buffered`: it did not in time, printing goes on by itself. Repeat with the same Idempotency-Key "
        "after any time-out: it is never printed twice.",
        "operationId": "accept_receipt",
        "security": [{"bearer": []}, {}],
        **keyed_by(required=True),
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
                "headers": REPLAYED,
                "content": {
                    "application/json": {
                        "schema": {"$ref": _REF.format(model="AcceptedReceipt")},
                        "example": examples.ACCEPTED,
                    }
                },
            },
            **{str(status): response for status, response in refusals(_ACCEPT_REFUSES).items()},
        },
    }
