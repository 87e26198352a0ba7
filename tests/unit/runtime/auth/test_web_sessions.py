"""Sessions of the pages: when they hold, and what their form token is good for."""

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from tests.support.accounts import SECRET, a_clock
from tests.support.clock import ManualClock

from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.tokens import AccessTokens
from kkt_adapter.runtime.auth.web_sessions import WebSessions

IDLE = timedelta(minutes=30)


@pytest.fixture
def at() -> ManualClock:
    return a_clock()


@pytest.fixture
def sessions(at: ManualClock) -> WebSessions:
    return WebSessions(SECRET, at, idle=IDLE)


def account(at: ManualClock) -> Account:
    now = at.now().replace(microsecond=0)
    return Account(
        name="olga",
        role=Role.MANAGER,
        disabled=False,
        created_at=now,
        password_changed_at=now,
        tokens_valid_from=now,
        last_login_at=None,
    )


def test_a_session_says_who_signed_in(sessions: WebSessions, at: ManualClock) -> None:
    begun = sessions.begin(account(at))
    assert sessions.read(sessions.text(begun)) == begun
    assert (begun.account, begun.role) == ("olga", Role.MANAGER)


def test_every_sign_in_has_an_id_of_its_own(sessions: WebSessions, at: ManualClock) -> None:
    assert len({sessions.begin(account(at)).id for _ in range(20)} | {sessions.begin().id}) == 21


async def test_it_ends_when_nobody_works(sessions: WebSessions, at: ManualClock) -> None:
    text = sessions.text(sessions.begin(account(at)))
    await at.advance(IDLE.total_seconds() - 2)
    assert sessions.read(text) is not None
    await at.advance(2)
    assert sessions.read(text) is None


async def test_work_renews_it_but_not_beyond_its_life(sessions: WebSessions, at: ManualClock) -> None:
    session = sessions.begin(account(at))
    assert sessions.renewed(session) is None, "a young cookie is good enough"
    worked_s = 0.0
    while (read := sessions.read(sessions.text(session))) is not None:
        await at.advance(20 * 60)
        worked_s += 20 * 60
        renewed = sessions.renewed(read)
        assert renewed is not None and renewed.id == session.id and renewed.began_at == session.began_at
        session = renewed
    assert worked_s == 12 * 3600


def test_after_sign_out_a_copied_cookie_is_worth_nothing(sessions: WebSessions, at: ManualClock) -> None:
    session = sessions.begin(account(at))
    text = sessions.text(session)
    sessions.end(session)
    assert sessions.read(text) is None


def test_foreign_texts_are_no_session(sessions: WebSessions, at: ManualClock) -> None:
    text = sessions.text(sessions.begin(account(at)))
    head, body, sign = text.split(".")
    admin = jwt.encode({"aud": "ui", "sid": "x", "sub": "olga", "role": "admin"}, SECRET, algorithm="HS256")
    access = AccessTokens(SECRET, at).issue(account(at)).text
    for foreign in (
        "",
        "x",
        text[:-2],
        f"{head}.{body}.",
        f"{head}.{body[::-1]}.{sign}",
        admin,
        access,
        "x" * 5000,
    ):
        assert sessions.read(foreign) is None, foreign


def test_a_session_is_no_access_token(sessions: WebSessions, at: ManualClock) -> None:
    with pytest.raises(Exception, match="token"):
        AccessTokens(SECRET, at).read(sessions.text(sessions.begin(account(at))))


def test_a_form_token_belongs_to_its_session(sessions: WebSessions, at: ManualClock) -> None:
    mine, other = sessions.begin(account(at)), sessions.begin(account(at))
    tokens = {sessions.form_token(mine) for _ in range(3)}
    assert len(tokens) == 3, "another text each time"
    assert all(sessions.is_form_token(mine, token) for token in tokens)
    assert not any(sessions.is_form_token(other, token) for token in tokens)
    for foreign in ("", "x", "ё", "A" * 43, next(iter(tokens))[:-4]):
        assert not sessions.is_form_token(mine, foreign), foreign


def test_nodes_with_one_secret_know_each_others_sessions(sessions: WebSessions, at: ManualClock) -> None:
    session = sessions.begin(account(at))
    elsewhere = WebSessions(SECRET, at, idle=IDLE)
    assert elsewhere.read(sessions.text(session)) == session
    assert elsewhere.is_form_token(session, sessions.form_token(session))
    assert WebSessions(SECRET[::-1], at, idle=IDLE).read(sessions.text(session)) is None
    assert replace(session, role=Role.ADMIN) != session
