import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from tests.support.accounts import SECRET, START, a_clock
from tests.support.clock import ManualClock

from kkt_adapter.kernel.errors import NotAuthenticated
from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.tokens import AccessTokens


def account(**changes: Any) -> Account:
    values: dict[str, Any] = {
        "name": "olga",
        "role": Role.MANAGER,
        "disabled": False,
        "created_at": START,
        "password_changed_at": START,
        "tokens_valid_from": START.replace(microsecond=0),
        "last_login_at": None,
    }
    return Account(**(values | changes))


def signed(claims: dict[str, Any], *, algorithm: str = "HS256", key: bytes = SECRET) -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def good_claims(**changes: Any) -> dict[str, Any]:
    now = int(START.timestamp())
    return {"sub": "olga", "role": "admin", "iat": now, "exp": now + 60, "jti": "1"} | changes


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_an_issued_token_carries_exactly_the_published_claims() -> None:
    token = AccessTokens(SECRET, a_clock()).issue(account())
    claims = jwt.decode(
        token.text, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert set(claims) == {"sub", "role", "iat", "exp", "jti"}
    assert (claims["sub"], claims["role"]) == ("olga", "manager")
    assert claims["iat"] == int(START.timestamp())
    assert claims["exp"] - claims["iat"] == token.expires_in_s == 1800


def test_two_tokens_of_one_second_differ() -> None:
    tokens = AccessTokens(SECRET, a_clock())
    assert tokens.issue(account()).text != tokens.issue(account()).text


def test_an_issued_token_is_read_back() -> None:
    tokens = AccessTokens(SECRET, a_clock())
    claims = tokens.read(tokens.issue(account()).text)
    assert claims.account == "olga"
    assert claims.issued_at == START.replace(microsecond=0)


async def test_a_token_ends_after_its_lifetime() -> None:
    clock = a_clock()
    tokens = AccessTokens(SECRET, clock, lifetime=timedelta(minutes=5))
    text = tokens.issue(account()).text
    await clock.advance(299)
    assert tokens.read(text).account == "olga"
    await clock.advance(1)
    with pytest.raises(NotAuthenticated):
        tokens.read(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("garbage", "no parts"),
        ("a.b.c", "not base64 of anything"),
        ("токен.не.латиница", "not ASCII"),
        (f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(good_claims())}.", "alg none"),
        (f"{part({'alg': 'NONE'})}.{part(good_claims())}.", "alg none in capitals"),
        (f"{part({'typ': 'JWT'})}.{part(good_claims())}.x", "no alg"),
        (f"{part({'alg': ['HS256']})}.{part(good_claims())}.x", "alg is a list"),
        (signed(good_claims(), algorithm="HS512", key=SECRET * 2), "another algorithm, another key"),
        (signed(good_claims(), key=b"0f1e2d3c4b5a69788796a5b4c3d2e1f0"), "another key"),
        (signed(good_claims())[:-2] + "AA", "a changed signature"),
        (signed(good_claims()).replace(".", "..", 1), "an extra dot"),
        (signed({k: v for k, v in good_claims().items() if k != "exp"}), "no exp"),
        (signed({k: v for k, v in good_claims().items() if k != "sub"}), "no sub"),
        (signed({k: v for k, v in good_claims().items() if k != "iat"}), "no iat"),
        (signed({k: v for k, v in good_claims().items() if k != "jti"}), "no jti"),
        (signed(good_claims(exp="soon")), "exp is text"),
        (signed(good_claims(exp=1e300)), "exp beyond any calendar"),
        (signed(good_claims(sub=7)), "sub is a number"),
        (
            signed(good_claims(iat=int(START.timestamp()) + 3600, exp=int(START.timestamp()) + 7200)),
            "from the future",
        ),
        (signed(good_claims(exp=int(START.timestamp()) - 1)), "expired"),
        ("[" * 1500, "long"),
        (part({"a": 1}) * 500, "too long"),
        (base64.urlsafe_b64encode(b"[" * 1400).decode() + "." + part({}) + ".x", "a deep header"),
    ],
)
def test_whatever_is_not_our_token_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotAuthenticated):
        AccessTokens(SECRET, a_clock()).read(text)


def test_the_algorithm_is_pinned_even_for_the_right_key() -> None:
    key = SECRET * 2
    text = signed(good_claims(), algorithm="HS512", key=key)
    with pytest.raises(NotAuthenticated):
        AccessTokens(key, a_clock()).read(text)


def test_swapping_the_payload_breaks_the_signature() -> None:
    head, _, signature = signed(good_claims()).split(".")
    with pytest.raises(NotAuthenticated):
        AccessTokens(SECRET, a_clock()).read(f"{head}.{part(good_claims(sub='root'))}.{signature}")


def test_a_node_whose_clock_is_half_a_minute_behind_accepts_the_token() -> None:
    ahead = ManualClock(START + timedelta(seconds=30))
    text = AccessTokens(SECRET, ahead).issue(account()).text
    assert AccessTokens(SECRET, a_clock()).read(text).account == "olga"
