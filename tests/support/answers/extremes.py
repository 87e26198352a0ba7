"""Requests at the extremes: every operation of the description, one part of each made strange.

Deterministic for a seed. Bodies are written by hand, as JSON has numbers that Python would not write.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

# Written as they stand, in place of a JSON value.
RAW = (
    "null", "true", "-1", "0", "1e1000000000", "-1e-1000000000", "1E400", "9" * 400, "9" * 5000, "-0.0",
    "NaN", "Infinity", "1.0000000000000000000000000000001", "9223372036854775808", "[]", "{}", '""',
    '"\\u0000"', '"\\ud800"', '"\\u202e\\u2028\\u001b[31m"', '"' + "a" * 9000 + '"',
    "[" * 300 + "]" * 300, '{"a":1,"a":2}', '"0001-01-01"', '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59.999999Z"', '"0000-00-00"', '"1e1000000000"', '"\'; DROP TABLE receipts;--"',
    '"../../../../etc/passwd"', '"<script>"', '"%00"', '"\\u0660"', '" "',
)  # fmt: skip
# In a query, a path or a header.
TEXTS = (
    "", "0", "-1", "1e1000000000", "NaN", "inf", "1_0", "\u0661", "9" * 30, "9" * 400, "0001-01-01",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "10000-01-01", "2026-02-30", "true", "null",
    "%00", "\x00", "\u202e\u2028", "'\"", "../..", "a" * 3000, "a,b,,c", "-" * 200, "\U0001f600", "e30=",
    "....", "*",
)  # fmt: skip
HEADERS = ("Idempotency-Key", "Accept", "Accept-Language", "If-None-Match", "X-Request-Id", "Content-Type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


def requests(document: Json, *, seed: int, left_out: frozenset[str] = frozenset()) -> Iterator[Request]:
    """Without end: operation after operation in a shuffled order."""
    dice = random.Random(seed)
    operations = [
        (method.upper(), path, operation)
        for path, methods in sorted(document["paths"].items())
        for method, operation in sorted(methods.items())
        if f"{method.upper()} {path}" not in left_out
    ]
    while True:
        dice.shuffle(operations)
        for method, path, operation in operations:
            yield _request(dice, document, method, path, operation)


def _request(dice: random.Random, document: Json, method: str, path: str, operation: Json) -> Request:
    body = _example(operation)
    parameters = operation.get("parameters", [])
    parts = (
        ["body", "body", "body", "query", "header"]
        if body is not None
        else ["query", "query", "path", "header"]
    )
    strange = dice.choice(parts)
    query, headers, place = [], {"Idempotency-Key": f"key-{dice.random()}"}, path
    for one in parameters:
        value = dice.choice(TEXTS) if dice.random() < 0.5 else "1"
        if one["in"] == "path":
            value = dice.choice(TEXTS) if strange == "path" else "1"
            place = place.replace("{" + one["name"] + "}", quote(value, safe="") or "x")
        elif one["in"] == "query" and (one.get("required") or (strange == "query" and dice.random() < 0.4)):
            query.append(f"{quote(one['name'])}={quote(value, safe='')}")
    if strange == "header":
        name = dice.choice(HEADERS)
        headers[name] = "".join(c for c in dice.choice(TEXTS)[:500] if " " < c < "\x7f") or "x"
    content = None
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
        text = _with_one_strange(dice, body) if strange == "body" else json.dumps(body)
        content = text.encode("utf-8", "surrogatepass")
    return Request(
        operation=f"{method} {path}",
        method=method,
        path=place + ("?" + "&".join(query) if query else ""),
        headers=headers,
        body=content,
    )


def _example(operation: Json) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    examples = [one["value"] for one in content.get("examples", {}).values()]
    return examples[0] if examples else content.get("example", {})


def strange_texts(dice: random.Random, body: Any, *, times: int) -> Iterator[bytes]:
    """``times`` texts of ``body``, each with one value made strange."""
    for _ in range(times):
        yield _with_one_strange(dice, body).encode("utf-8", "surrogatepass")


def _with_one_strange(dice: random.Random, body: Any) -> str:
    """The JSON text of ``body`` with one value, chosen from any depth, written as one of ``RAW``."""
    mark = "\ue000strange\ue001"
    places = list(_places(body)) or [()]
    return json.dumps(_replaced(body, dice.choice(places), mark), ensure_ascii=False).replace(
        f'"{mark}"', dice.choice(RAW), 1
    )


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from _places(child, (*at, key))


def _replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[at[0]] = _replaced(value[at[0]], at[1:], by)
    return copied
