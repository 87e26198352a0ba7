"""Sign-in over HTTP: real routes, real SQLite, no server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.accounts import PASSWORD, SignInParts, open_sign_in, people_app
from tests.support.answers import conform

from kkt_adapter.runtime.auth.roles import Role

NEW = "another long one"


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[SignInParts]:
    async with open_sign_in(tmp_path) as opened:
        yield opened


@pytest.fixture
async def client(parts: SignInParts) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=people_app(parts), raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://localhost", event_hooks=conform.hooks()
    ) as opened:
        yield opened


async def login(client: httpx2.AsyncClient, username: str, password: str) -> httpx2.Response:
    return await client.post("/api/v1/auth/login", json={"username": username, "password": password})


def bearer(answer: httpx2.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_signing_in_gives_the_published_answer(client: httpx2.AsyncClient, parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.MANAGER, password=PASSWORD)
    answer = await login(client, "olga", PASSWORD)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "role"}
    assert (body["token_type"], body["expires_in"], body["role"]) == ("bearer", 1800, "manager")
    assert answer.headers["cache-control"] == "no-store"


async def test_the_token_shows_whose_it_is(client: httpx2.AsyncClient, parts: SignInParts) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    answer = await client.get("/api/v1/auth/me", headers=bearer(await login(client, "olga", PASSWORD)))
    assert answer.status_code == 200
    assert answer.json() == {
        "username": "olga",
        "role": "viewer",
        "disabled": False,
        "created_at": "2026-03-01T09:00:00.250000Z",
        "password_changed_at": "2026-03-01T09:00:00.250000Z",
        "last_login_at": "2026-03-01T09:00:00.250000Z",
    }


@pytest.mark.parametrize(("username", "password"), [("olga", NEW), ("nobody", PASSWORD), ("\x00", "\x00")])
async def test_a_refused_sign_in_says_nothing_about_the_reason(
    client: httpx2.AsyncClient, parts: SignInParts, username: str, password: str
) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    answer = await login(client, username, password)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "UNAUTHORIZED"
    assert answer.json()["detail"] == "The name or the password is wrong."


async def test_the_sixth_try_in_a_minute_is_told_when_to_come_back(
    client: httpx2.AsyncClient, parts: SignInParts
) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    for _ in range(5):
        assert (await login(client, "olga", NEW)).status_code == 401
    answer = await login(client, "olga", PASSWORD)
    assert answer.status_code == 429
    assert answer.json()["code"] == "RATE_LIMITED"
    assert answer.headers["retry-after"] == "60"
    await parts.clock.advance(60)
    assert (await login(client, "olga", PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "olga"}, "password"),
        ({"username": 7, "password": "x"}, "username"),
        ({"username": "olga", "password": None}, "password"),
        ({"username": "olga", "password": "x" * 1025}, "password"),
        ({"username": "", "password": "x"}, "username"),
        ({"username": "olga", "password": ["x"]}, "password"),
    ],
)
async def test_a_sign_in_that_does_not_fit_names_the_field(
    client: httpx2.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]


SURROGATE = "\\ud800"
BROKEN = (
    *(b"", b"{", b"[]", b"\xff", b"[" * 16_000),
    f'{{"username":"a","password":"{SURROGATE}"}}'.encode(),
    f'{{"username":"{SURROGATE}","password":"x"}}'.encode(),
)


@pytest.mark.parametrize("raw", BROKEN)
async def test_broken_bodies_are_refused_and_never_a_500(client: httpx2.AsyncClient, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/v1/auth/login", content=raw, headers=headers)
    assert answer.status_code == 422


async def test_changing_the_own_password_ends_the_old_token_at_once(
    client: httpx2.AsyncClient, parts: SignInParts
) -> None:
    await parts.accounts.add("olga", Role.VIEWER, password=PASSWORD)
    old = bearer(await login(client, "olga", PASSWORD))
    answer = await client.post(
        "/api/v1/auth/password", headers=old, json={"current_password": PASSWORD, "new_password": NEW}
    )
    assert answer.status_code == 200
    assert (await client.get("/api/v1/auth/me", headers=old)).status_code == 401
    assert (await client.get("/api/v1/auth/me", headers=bearer(answer))).status_code == 200
    assert (await login(client, "olga", NEW)).status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("a wrong guess", NEW, "current_password"), (PASSWORD, "short", "new_password")],
)
async def test_a_refused_password_change_names_the_field(
    client: httpx2.AsyncClient, parts: SignInParts, current: str, new: str, field: str
) -> None:
    header = {"Authorization": await parts.bearer(Role.VIEWER)}
    answer = await client.post(
        "/api/v1/auth/password", headers=header, json={"current_password": current, "new_password": new}
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_an_admin_looks_after_accounts(client: httpx2.AsyncClient, parts: SignInParts) -> None:
    admin = {"Authorization": await parts.bearer(Role.ADMIN)}
    made = await client.post(
        "/api/v1/accounts",
        headers=admin,
        json={"username": "Иван", "password": PASSWORD, "role": "viewer"},
    )
    assert made.status_code == 201
    place = made.headers["location"]
    assert (await client.get(place, headers=admin)).json()["username"] == "иван"
    his = bearer(await login(client, "иван", PASSWORD))

    changed = await client.patch(place, headers=admin, json={"role": "manager"})
    assert (changed.status_code, changed.json()["role"]) == (200, "manager")
    assert (await client.get("/api/v1/auth/me", headers=his)).json()["role"] == "manager"

    reset = await client.put(f"{place}/password", headers=admin, json={"password": NEW})
    assert reset.status_code == 200
    assert (await client.get("/api/v1/auth/me", headers=his)).status_code == 401
    his = bearer(await login(client, "иван", NEW))

    disabled = await client.patch(place, headers=admin, json={"disabled": True})
    assert disabled.json()["disabled"] is True
    assert (await client.get("/api/v1/auth/me", headers=his)).status_code == 401
    assert (await login(client, "иван", NEW)).status_code == 401

    names = [
        one["username"] for one in (await client.get("/api/v1/accounts", headers=admin)).json()["accounts"]
    ]
    assert names == ["a.admin", "иван"]


async def test_accounts_refuse_what_does_not_fit(client: httpx2.AsyncClient, parts: SignInParts) -> None:
    admin = {"Authorization": await parts.bearer(Role.ADMIN)}
    good = {"username": "olga", "password": PASSWORD, "role": "viewer"}

    async def post(**changes: object) -> httpx2.Response:
        return await client.post("/api/v1/accounts", headers=admin, json=good | changes)

    for field, value in [("role", "root"), ("username", "ol ga"), ("password", "1234567890")]:
        answer = await post(**{field: value})
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await post()).status_code == 201
    assert (await post(username="OLGA")).status_code == 409
    assert (await client.get("/api/v1/accounts/nobody", headers=admin)).status_code == 404
    assert (await client.patch("/api/v1/accounts/nobody", headers=admin, json={})).status_code == 404
    assert (
        await client.patch("/api/v1/accounts/a.admin", headers=admin, json={"disabled": True})
    ).status_code == 409


async def test_a_till_token_is_shown_once_and_can_be_revoked(
    client: httpx2.AsyncClient, parts: SignInParts
) -> None:
    admin = {"Authorization": await parts.bearer(Role.ADMIN)}
    made = await client.post(
        "/api/v1/till-tokens", headers=admin, json={"scope": "pos", "pos_ids": ["POS-001"], "note": "till 1"}
    )
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    secret = made.json()["token"]
    principal = await parts.gate.admit(f"Bearer {secret}")
    assert principal.may_use_till("POS-001")

    listed = await client.get("/api/v1/till-tokens", headers=admin)
    assert secret not in listed.text
    assert [(one["note"], one["created_by"]) for one in listed.json()["tokens"]] == [("till 1", "a.admin")]

    place = f"/api/v1/till-tokens/{made.json()['id']}"
    assert (await client.delete(place, headers=admin)).json()["revoked_at"] is not None
    with pytest.raises(Exception, match="token"):
        await parts.gate.admit(f"Bearer {secret}")
    assert (await client.delete("/api/v1/till-tokens/none", headers=admin)).status_code == 404
    refused = await client.post("/api/v1/till-tokens", headers=admin, json={"scope": "pos"})
    assert [error["field"] for error in refused.json()["errors"]] == ["pos_ids"]


ROUTES = [
    ("GET", "/api/v1/auth/me", Role.VIEWER),
    ("POST", "/api/v1/auth/password", Role.VIEWER),
    ("GET", "/api/v1/accounts", Role.ADMIN),
    ("POST", "/api/v1/accounts", Role.ADMIN),
    ("GET", "/api/v1/accounts/a.admin", Role.ADMIN),
    ("PATCH", "/api/v1/accounts/a.admin", Role.ADMIN),
    ("PUT", "/api/v1/accounts/a.admin/password", Role.ADMIN),
    ("GET", "/api/v1/till-tokens", Role.ADMIN),
    ("POST", "/api/v1/till-tokens", Role.ADMIN),
    ("DELETE", "/api/v1/till-tokens/none", Role.ADMIN),
]


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
async def test_every_route_asks_for_its_role(
    client: httpx2.AsyncClient, parts: SignInParts, method: str, path: str, needed: Role
) -> None:
    headers = await parts.callers()
    for caller, header in headers.items():
        answer = await client.request(method, path, headers=header, json={})
        if caller in ("nobody", "garbage", "expired", "alg none"):
            assert answer.status_code == 401, caller
            assert answer.headers["www-authenticate"] == "Bearer"
        elif caller in ("till", "reader") or not Role(caller).covers(needed):
            assert answer.status_code == 403, caller
            assert answer.json()["code"] == "FORBIDDEN"
        else:
            assert answer.status_code not in (401, 403), caller
