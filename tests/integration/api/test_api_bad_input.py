"""Whatever comes in: a refusal in the one form, nothing stored, and never a 500."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.api import SALE, Edge, a_key, changed, client_of, post_receipt, with_item, with_payment

pytestmark = pytest.mark.asyncio(loop_scope="module")

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
JSON = "application/json"


def raw(text: str) -> bytes:
    return text.encode()


def priced(number: str) -> bytes:
    """The sale with a price no JSON writer would write."""
    before = '{"pos_id":"POS-001","type":"sale","items":[{"name":"Test","price":'
    return raw(before + number + '}],"payments":[{"type":"cash","amount":100}]}')


CORRECTION = {"type": "self", "date": "2026-03-01"}

# body, status, field of a finding (None: a refusal without findings)
SHAPES: list[tuple[Any, int, str | None]] = [
    # the body as a whole
    (b"", 422, "body"),
    (b"{", 422, "body"),
    (b"not json", 422, "body"),
    (b"\xff\xfe", 422, "body"),
    (b"[]", 422, "body"),
    (b"null", 422, "body"),
    (b'"text"', 422, "body"),
    (b"[" * 200_000, 422, "body"),
    (b'{"a":' * 100_000, 422, "body"),
    (b'{"a":' + b"1" * 5000 + b"}", 422, "body"),
    (raw('{"pos_id":"POS-001","pos_id":"POS-002"}'), 422, "pos_id"),
    (b" " * (2 * 1024 * 1024), 413, None),
    (json.dumps(changed(order_id="x" * 1_100_000)).encode(), 413, None),
    # missing
    ({}, 422, "pos_id"),
    (changed(pos_id=...), 422, "pos_id"),
    (changed(type=...), 422, "type"),
    (changed(items=...), 422, "items"),
    (changed(payments=...), 422, "payments"),
    (with_item(name=...), 422, "items.0.name"),
    (with_item(price=...), 422, "items.0.price"),
    (with_payment(type=...), 422, "payments.0.type"),
    (with_payment(amount=...), 422, "payments.0.amount"),
    (changed(items=[]), 422, "items"),
    (changed(payments=[]), 422, "payments"),
    # wrong type
    (changed(pos_id=7), 422, "pos_id"),
    (changed(pos_id=None), 422, "pos_id"),
    (changed(type=1), 422, "type"),
    (changed(items={}), 422, "items"),
    (changed(items="Test"), 422, "items"),
    (changed(items=[None]), 422, "items.0"),
    (changed(items=[[]]), 422, "items.0"),
    (changed(payments=[7]), 422, "payments.0"),
    (with_item(name=5), 422, "items.0.name"),
    (with_item(name=["Test"]), 422, "items.0.name"),
    (with_item(price="cheap"), 422, "items.0.price"),
    (with_item(price=True), 422, "items.0.price"),
    (with_item(price={"rub": 1}), 422, "items.0.price"),
    (with_item(qty=False), 422, "items.0.qty"),
    (with_item(qty="many"), 422, "items.0.qty"),
    (with_payment(amount=[100]), 422, "payments.0.amount"),
    (changed(internet="yes"), 422, "internet"),
    (changed(customer="buyer"), 422, "customer"),
    (changed(cashier=7), 422, "cashier"),
    (changed(cashier={"name": {}}), 422, "cashier.name"),
    (changed(correction="self"), 422, "correction"),
    (changed(user_attribute=[]), 422, "user_attribute"),
    (with_item(mark_permission="yes"), 422, "items.0.mark_permission"),
    (with_item(mark_permission={"uuid": "u"}), 422, "items.0.mark_permission.time"),
    # numbers
    (with_item(price=-100), 422, "items.0.price"),
    (with_item(price=-1), 422, "items.0.price"),
    (with_item(price="0.001"), 422, "items.0.price"),
    (with_item(price="-1"), 422, "items.0.price"),
    (with_item(price="1e3"), 422, "items.0.price"),
    (with_item(price="100,50"), 422, "items.0.price"),
    (priced("NaN"), 422, "items.0.price"),
    (priced("Infinity"), 422, "items.0.price"),
    (priced("-Infinity"), 422, "items.0.price"),
    (priced("1e400"), 422, "items.0.price"),
    (priced("1e-400"), 422, "items.0.price"),
    (priced("1e99999999999999999999"), 422, "body"),
    (priced("9" * 400), 422, "items.0.price"),
    (priced("0." + "0" * 400 + "1"), 422, "items.0.price"),
    (with_item(qty=-1), 422, "items.0.qty"),
    (with_item(qty=0), 422, "items.0.qty"),
    (with_item(qty=1.0000001), 422, "items.0.qty"),
    (with_item(qty=1e12), 422, "items.0.qty"),
    (with_item(total=-1), 422, "items.0.total"),
    (with_item(sum=-1), 422, "items.0.sum"),
    (with_item(discount=-1), 422, "items.0.discount"),
    (with_payment(amount=-100), 422, "payments.0.amount"),
    (with_payment(amount=-1), 422, "payments.0.amount"),
    (with_payment(amount="NaN"), 422, "payments.0.amount"),
    (changed(total=-5), 422, "total"),
    # closed sets
    (changed(type="gift"), 422, "type"),
    (changed(type=""), 422, "type"),
    (with_payment(type="bitcoin"), 422, "payments.0.type"),
    (with_item(vat_rate=18), 422, "items.0.vat_rate"),
    (with_item(vat="21%"), 422, "items.0.vat"),
    (with_item(tax="vat99"), 422, "items.0.tax"),
    (with_item(tax_rate=[20]), 422, "items.0.tax_rate"),
    (with_item(subject=99), 422, "items.0.subject"),
    (with_item(payment_method="barter"), 422, "items.0.payment_method"),
    (with_item(unit=999), 422, "items.0.unit"),
    (changed(taxation=3), 422, "taxation"),
    (changed(type="correction", correction=CORRECTION | {"type": "guess"}), 422, "correction.type"),
    (changed(type="correction", correction=CORRECTION | {"date": "01.03.2026"}), 422, "correction.date"),
    (changed(type="correction", correction=CORRECTION | {"operation": "gift"}), 422, "correction.operation"),
    (changed(type="correction", correction=CORRECTION | {"fiscal_sign": "x"}), 422, "correction.fiscal_sign"),
    # lengths and characters
    (changed(pos_id="x" * 65), 422, "pos_id"),
    (changed(pos_id="a\nb"), 422, "pos_id"),
    (with_item(name=""), 422, "items.0.name"),
    (with_item(name="   "), 422, "items.0.name"),
    (with_item(name="x" * 256), 422, "items.0.name"),
    (with_item(name="a\x00b"), 422, "items.0.name"),
    (with_item(name="a\x1bb"), 422, "items.0.name"),
    (with_item(name="\ud800"), 422, "items.0.name"),
    (with_item(mark_code="a\x00"), 422, "items.0.mark_code"),
    (changed(items=SALE["items"] * 1001), 422, "items"),
    (changed(payments=SALE["payments"] * 11), 422, "payments"),
    (changed(order_id="x" * 129), 422, "order_id"),
    (changed(additional_attribute="x" * 17), 422, "additional_attribute"),
    (changed(additional_attribute=""), 422, "additional_attribute"),
    (changed(user_attribute={"name": "n", "value": ""}), 422, "user_attribute.value"),
    (changed(customer={"email": "x" * 65}), 422, "customer.email"),
    # two forms of one field
    (with_item(quantity=2), 422, "items.0.quantity"),
    (with_payment(sum=99), 422, "payments.0.sum"),
]


def check_problem(answer: httpx2.Response) -> dict[str, Any]:
    """Whatever is refused is refused in the one form."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:kkt-adapter:problem:{body['code']}"
    assert UUID.match(body["id"])
    assert body["id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return body


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(edge: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(edge.app()) as opened:
        yield opened


@pytest.mark.parametrize(("body", "status", "field"), SHAPES, ids=range(len(SHAPES)))
async def test_bad_input_is_refused_and_nothing_is_stored(
    client: httpx2.AsyncClient, edge: Edge, body: Any, status: int, field: str | None
) -> None:
    before = await edge.stored()
    answer = await post_receipt(client, body, key=a_key())
    assert answer.status_code == status
    problem = check_problem(answer)
    if field is None:
        assert "errors" not in problem
    else:
        assert field in {error["field"] for error in problem["errors"]}
        assert all(error["message"] and error["code"] for error in problem["errors"])
    assert await edge.stored() == before


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=windows-1251", 415),
        ("application/json; charset=utf-8", 200),
        ("application/vnd.till+json", 200),
    ],
)
async def test_only_json_is_read(
    client: httpx2.AsyncClient, edge: Edge, content_type: str, status: int
) -> None:
    before = await edge.stored()
    answer = await post_receipt(client, key=a_key(), **{"Content-Type": content_type})
    assert answer.status_code == status
    assert await edge.stored() == before + (status == 200)
    if status == 415:
        assert check_problem(answer)["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    ("encoding", "status"),
    [("gzip", 415), ("GZIP", 415), ("br", 415), ("gzip, identity", 415), ("identity", 200)],
)
async def test_a_compressed_body_is_refused_with_what_is_taken(
    client: httpx2.AsyncClient, encoding: str, status: int
) -> None:
    answer = await post_receipt(client, key=a_key(), **{"Content-Encoding": encoding})
    assert answer.status_code == status
    if status == 415:
        assert "Content-Encoding" in check_problem(answer)["detail"]
        assert answer.headers["accept-encoding"] == "identity"


async def test_a_raw_separator_in_json_is_told_how_to_write_it(client: httpx2.AsyncClient) -> None:
    body = json.dumps(with_item(mark_code="01<GS>")).replace("<GS>", "\x1d").encode()
    answer = await post_receipt(client, body, **{"Accept-Language": "ru"})
    assert answer.status_code == 422
    (error,) = check_problem(answer)["errors"]
    assert error["code"] == "malformed_json"
    assert "1D hex" in error["message"]
    assert "\\u001d" in error["remedy"]


async def test_a_body_without_a_media_type_is_taken_for_json(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/v1/kkt/receipt", content=json.dumps(SALE).encode(), headers={"Idempotency-Key": a_key()}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1/kkt/receipt/", 404, "NOT_FOUND"),
        ("POST", "/v1/kkt/receipt/x/forget", 404, "NOT_FOUND"),
        ("DELETE", "/v1/kkt/receipts", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/v1/kkt/receipt", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/pos/refund", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/v1/kkt/receipt", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/kkt/dlq/none", 422, "VALIDATION_ERROR"),
        ("GET", "/v1/kkt/dlq/0", 422, "VALIDATION_ERROR"),
        ("GET", f"/v1/kkt/dlq/{2**63}", 422, "VALIDATION_ERROR"),
        ("GET", "/v1/kkt/dlq/99", 404, "NOT_FOUND"),
        ("POST", "/v1/kkt/buffer/sync?force=perhaps", 422, "VALIDATION_ERROR"),
        ("GET", "/v1/kkt/buffer/logs?page=0", 422, "VALIDATION_ERROR"),
        ("GET", "/v1/kkt/buffer/logs?level=loud", 422, "VALIDATION_ERROR"),
        ("GET", "/v1/kkt/buffer/logs?type=DROP%20TABLE", 422, "VALIDATION_ERROR"),
        ("GET", "/v1/kkt/status?pos_id=%00", 422, "VALIDATION_ERROR"),
    ],
)
async def test_refusals_of_the_framework_have_the_same_form(
    client: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert check_problem(answer)["code"] == code
    assert ("allow" in answer.headers) is (status == 405)


OTHER_BODIES = (
    ("POST", "/v1/pos/refund"),
    ("POST", "/v1/kkt/x_report"),
    ("POST", "/v1/kkt/z_report"),
    ("POST", "/v1/kkt/shift/open"),
    ("POST", "/v1/kkt/shift/resolve"),
    ("POST", "/v1/pos/cash/7/resolve"),
    ("PATCH", "/v1/admin/buffer"),
    ("POST", "/v1/pos/maintenance"),
    ("POST", "/v1/kkt/dlq/1/resolve"),
    ("POST", "/v1/kkt/receipt/receipt-1/resolve"),
)


@pytest.mark.parametrize(("method", "path"), OTHER_BODIES)
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 10_000, b'{"a":1,"a":2}', b"9" * 6000])
async def test_every_body_is_read_with_the_same_care(
    client: httpx2.AsyncClient, method: str, path: str, body: bytes
) -> None:
    answer = await client.request(method, path, content=body, headers={"Content-Type": JSON})
    assert answer.status_code == 422
    assert check_problem(answer)["code"] == "VALIDATION_ERROR"


names = st.sampled_from(
    [
        "pos_id",
        "type",
        "items",
        "payments",
        "name",
        "price",
        "qty",
        "vat",
        "amount",
        "correction",
        "customer",
        "total",
    ]
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutation=anything, on=st.sampled_from(["whole", "receipt", "item", "payment"]))
async def test_any_json_is_answered_without_a_failure(
    client: httpx2.AsyncClient, edge: Edge, mutation: Any, on: str
) -> None:
    before = await edge.stored()
    wrapped = mutation if isinstance(mutation, dict) else {"items": mutation}
    body = {
        "whole": mutation,
        "receipt": SALE | wrapped,
        "item": changed(items=[SALE["items"][0] | wrapped]),
        "payment": changed(payments=[SALE["payments"][0] | wrapped]),
    }[on]
    answer = await post_receipt(client, json.dumps(body).encode(), key=a_key())
    assert answer.status_code in (200, 422)
    if answer.status_code == 422:
        check_problem(answer)
    assert await edge.stored() == before + (answer.status_code == 200)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=anything, target=st.sampled_from(OTHER_BODIES))
async def test_any_json_to_any_other_path_is_answered_without_a_failure(
    client: httpx2.AsyncClient, body: Any, target: tuple[str, str]
) -> None:
    """All on one database, as calls come."""
    method, path = target
    answer = await client.request(
        method, path, content=json.dumps(body).encode(), headers={"Content-Type": JSON}
    )
    assert answer.status_code in (200, 400, 404, 409, 422)


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=60), key=st.binary(max_size=10))
async def test_any_bytes_are_answered_without_a_failure(
    client: httpx2.AsyncClient, body: bytes, key: bytes
) -> None:
    answer = await client.post("/v1/kkt/receipt", content=body, headers=[(b"Idempotency-Key", key)])
    assert answer.status_code == 422
    check_problem(answer)
