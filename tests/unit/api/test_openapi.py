"""/openapi.json says of every operation what it answers: shape, unit, every refusal, an example."""

import json
import re
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import jsonschema_rs
import pytest
from tests.support.answers.openapi import COMMITTED, document, dumped, operations, validator
from tests.support.api import SALE

from kkt_adapter.api.error_codes import ROWS
from kkt_adapter.fiscal.model import ReceiptWarning
from kkt_adapter.fiscal.printing import reply
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.hlc import HybridTimestamp

Json = dict[str, Any]
HOW = (
    "Describe the answer by a TypedDict in api/schemas/answers and name it in the route: "
    "responses=answers(Shape, EXAMPLE, refuses='NOT_FOUND ...'); then run: make openapi"
)


def contents(operation: Json) -> Iterator[tuple[str, str, Json]]:
    """Every kind of body that an operation answers: status, media type, description of it."""
    for status, response in operation["responses"].items():
        if "$ref" in response:
            response = document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
        for media_type, content in response.get("content", {}).items():
            yield status, media_type, content


def test_no_operation_is_without_a_response_schema() -> None:
    without = [
        name
        for name, operation in operations()
        if not any(
            status.startswith("2") and content.get("schema") for status, _, content in contents(operation)
        )
    ]
    assert without == [], HOW


def test_every_number_with_a_fraction_says_its_unit() -> None:
    """Whole numbers are counts, numbers of documents or have their unit in their name (``max_ms``)."""

    def described(member: Json) -> bool:
        shapes = [member, *member.get("anyOf", ())]
        named = [shapes_of(one["$ref"]) for one in shapes if "$ref" in one]
        return any(one.get("description") for one in [*shapes, *named])

    def shapes_of(reference: str) -> Json:
        found: Json = document()["components"]["schemas"][reference.rpartition("/")[2]]
        return found

    silent = [
        f"{name}.{member}"
        for name, schema in document()["components"]["schemas"].items()
        for member, value in schema.get("properties", {}).items()
        if any(one.get("type") == "number" for one in [value, *value.get("anyOf", ())])
        and not described(value)
    ]
    assert silent == []


def test_every_answer_has_an_example_that_fits_its_schema() -> None:
    found = []
    for name, operation in operations():
        for status, media_type, content in contents(operation):
            examples = [one["value"] for one in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            if not examples:
                found.append(f"{name} {status} {media_type}: no example")
            if media_type.endswith("json"):
                check = validator(content["schema"])
                found += [f"{name} {status}: {e.message}" for one in examples for e in check.iter_errors(one)]
    assert found == [], HOW


def test_every_refusal_names_its_codes() -> None:
    """Only codes of the table, and each under its own status."""
    named = set()
    for name, operation in operations():
        for status, media_type, content in contents(operation):
            if media_type == "application/problem+json":
                for code in content["schema"]["allOf"][1]["properties"]["code"]["enum"]:
                    assert ROWS[code].status == int(status), f"{name}: {code}"
                    named.add(code)
        assert "default" not in operation["responses"], name
    # Codes of the framework and the server alone, and of calls to operators that no request waits for.
    assert set(ROWS) - named == {
        "METHOD_NOT_ALLOWED", "HEADERS_TOO_LARGE", "OFD_ERROR", "OFD_UNAVAILABLE",
        "OFD_PROTOCOL_ERROR", "OFD_REJECTED"
    }  # fmt: skip


def test_numbers_of_money_and_time_name_their_unit() -> None:
    """A member called like an amount or a duration says in what."""
    asked = (
        "total",
        "cash",
        "amount",
        "price",
        "seconds",
        "minutes",
        "percent",
        "hours",
        "revenue",
        "balance",
    )
    found = []
    for name, schema in document()["components"]["schemas"].items():
        for member, said in schema.get("properties", {}).items():
            kinds = [said, *said.get("anyOf", ())]
            numeric = any(kind.get("type") == "number" for kind in kinds)
            said_so = any(kind.get("description") for kind in kinds)
            if numeric and not said_so and any(word in member.lower() for word in asked):
                found.append(f"{name}.{member}")
    assert found == []


@pytest.mark.parametrize("broken", [{"status": "printed"}, {"receipt_id": 7}])
def test_the_check_itself_finds_what_does_not_fit(broken: Json) -> None:
    schema = {"$ref": "#/components/schemas/AcceptedReceipt"}
    assert list(validator(schema).iter_errors(broken))


def test_the_document_is_valid_openapi() -> None:
    for schema in document()["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema)


def test_the_committed_description_is_that_of_the_routes() -> None:
    """Shows what has changed; a change of the interface is made on purpose, and told in CHANGELOG.md."""
    committed = COMMITTED.read_text(encoding="utf-8").splitlines()
    now = dumped(document()).splitlines()
    difference = list(unified_diff(committed, now, "docs/reference/openapi.json", "the routes", lineterm=""))
    assert difference == [], "run: make openapi\n" + "\n".join(difference[:200])


@pytest.mark.parametrize("tag", [None, 1199])
def test_the_ready_made_bytes_of_a_receipt_that_waits_fit_the_schema(tag: int | None) -> None:
    """Those of a printed one are checked by ``test_answers_conform.py`` against a real register."""
    remark = ReceiptWarning(
        code="odd_rate", message=Text("odd", '"странно"\n'), field="items.0.price", tag=tag
    )
    text = reply.buffered(
        "01890a5d-ac96-774b-bcce-b302099a8057",
        reply.Place(stamp=HybridTimestamp(1773478800, 0), queue_position=3),
        reason="Касса не отвечает",
        warnings=[remark],
    )
    schema = {"$ref": "#/components/schemas/AcceptedReceipt"}
    assert [e.message for e in validator(schema).iter_errors(json.loads(text))] == []


def test_the_example_of_a_sale_stands_in_the_reference() -> None:
    text = COMMITTED.with_name("http-api.md").read_text(encoding="utf-8")
    bodies = [json.loads(block) for block in re.findall(r"```json\n(\{.*?\})\n```", text, re.S)]
    assert SALE in bodies
