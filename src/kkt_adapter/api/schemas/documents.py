"""What /openapi.json says of bodies and answers that are read and written by hand."""

import json
from typing import Any

from pydantic import BaseModel

from kkt_adapter.api.schemas.examples import receipts as examples
from kkt_adapter.api.schemas.refusals import EXAMPLE, refusals

Responses = dict[int | str, dict[str, Any]]

_KEY_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}
REPLAYED: dict[str, Any] = {
    "Idempotency-Replayed": {
        "description": "true: the key was known, this is the first answer again.",
        "schema": {"type": "string"},
    }
}


def answers(
    model: Any, example: object, description: str = "Done.", *, status: int = 200, refuses: str = ""
) -> Responses:
    """The ``responses`` of a route: the shape of its JSON answer, an example, and the codes of its refusals.

    ``model``: a TypedDict of ``schemas/answers``; None where FastAPI knows the shape by itself.
    """
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {EXAMPLE: json.dumps(example)}},
    }
    if model is not None:
        answer["model"] = model
    return {status: answer, **refusals(refuses)}


def text_answer(media_type: str, example: str, description: str, *, refuses: str = "") -> Responses:
    """The same for an answer that is no JSON."""
    content = {media_type: {"schema": {"type": "string"}, EXAMPLE: json.dumps(example)}}
    return {200: {"description": description, "content": content}, **refusals(refuses)}


def body_of(
    model: type[BaseModel], example: object, *, required: bool = True, keyed: bool = False
) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads its body by ``model`` itself; ``keyed``: it may carry an
    Idempotency-Key."""
    extra: dict[str, Any] = {
        "requestBody": {
            "required": required,
            "content": {
                "application/json": {"schema": model.model_json_schema(), EXAMPLE: json.dumps(example)}
            },
        }
    }
    return extra | keyed_by() if keyed else extra


def keyed_by(*, required: bool = False) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that takes an Idempotency-Key."""
    description = "The same one for every repetition: then it is done once, and each gets the first answer."
    return {
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": required,
                "description": "A new UUID for each receipt; the same one for every repetition."
                if required
                else description,
                "schema": _KEY_SCHEMA,
                "example": examples.KEY,
            }
        ]
    }
