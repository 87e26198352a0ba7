"""Accounts of people and tokens of tills: ``/api/v1/accounts``, ``/api/v1/till-tokens``; admins only."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response, status

from kkt_adapter.api.body import read_model
from kkt_adapter.api.people import Admin, People
from kkt_adapter.api.schemas import auth as shapes
from kkt_adapter.api.schemas.auth import (
    AccountAnswer,
    AccountChange,
    AccountsAnswer,
    NewAccount,
    NewTillTokenAnswer,
    NewToken,
    PasswordReset,
    TillTokenAnswer,
    TillTokensAnswer,
)
from kkt_adapter.api.schemas.documents import answers, body_of
from kkt_adapter.runtime.log import get_logger

router = APIRouter(prefix="/api/v1", tags=["accounts"])

log = get_logger("auth")

_ACCOUNT = {"username": "olga", "password": "correct horse battery", "role": "manager"}
_TOKEN = {"scope": "pos", "pos_ids": ["POS-001"], "note": "till 1"}


@router.get("/accounts", responses=answers(None, {"accounts": [shapes.ACCOUNT]}))
async def list_accounts(people: People, principal: Admin) -> AccountsAnswer:
    return AccountsAnswer(accounts=[AccountAnswer.of(one) for one in await people.accounts.list_all()])


@router.post(
    "/accounts",
    status_code=status.HTTP_201_CREATED,
    responses=answers(None, shapes.ACCOUNT, "Made.", status=201, refuses="CONFLICT"),
    openapi_extra=body_of(NewAccount, _ACCOUNT),
)
async def add_account(
    request: Request, response: Response, people: People, principal: Admin
) -> AccountAnswer:
    """Make an account; 409 when the name is taken."""
    wanted = await read_model(request, NewAccount)
    made = await people.accounts.add(wanted.username, wanted.role, password=wanted.password)
    log.info("account_added", account=made.name, role=made.role, by=principal.name)
    response.headers["Location"] = f"/api/v1/accounts/{quote(made.name)}"
    return AccountAnswer.of(made)


@router.get("/accounts/{username}", responses=answers(None, shapes.ACCOUNT, refuses="NOT_FOUND"))
async def get_account(username: str, people: People, principal: Admin) -> AccountAnswer:
    return AccountAnswer.of(await people.accounts.get(username))


@router.patch(
    "/accounts/{username}",
    responses=answers(None, shapes.ACCOUNT, refuses="NOT_FOUND CONFLICT"),
    openapi_extra=body_of(AccountChange, {"disabled": True}),
)
async def change_account(username: str, request: Request, people: People, principal: Admin) -> AccountAnswer:
    """Change the role, disable or enable; 409 when no enabled admin would remain."""
    wanted = await read_model(request, AccountChange)
    changed = await people.accounts.change(username, role=wanted.role, disabled=wanted.disabled)
    people.gate.forget()
    log.info(
        "account_changed",
        account=changed.name,
        role=changed.role,
        disabled=changed.disabled,
        by=principal.name,
    )
    return AccountAnswer.of(changed)


@router.put(
    "/accounts/{username}/password",
    responses=answers(None, shapes.ACCOUNT, refuses="NOT_FOUND"),
    openapi_extra=body_of(PasswordReset, {"password": "another long one"}),
)
async def reset_password(username: str, request: Request, people: People, principal: Admin) -> AccountAnswer:
    """Give an account a new password; its tokens end."""
    wanted = await read_model(request, PasswordReset)
    changed = await people.accounts.set_password(username, password=wanted.password)
    people.gate.forget()
    log.info("password_reset", account=changed.name, by=principal.name)
    return AccountAnswer.of(changed)


@router.get("/till-tokens", responses=answers(None, {"tokens": [shapes.TILL_TOKEN]}))
async def list_till_tokens(people: People, principal: Admin) -> TillTokensAnswer:
    """All tokens, revoked ones too; their secrets are not kept."""
    return TillTokensAnswer(tokens=[TillTokenAnswer.of(one) for one in await people.till_tokens.list_all()])


@router.post(
    "/till-tokens",
    status_code=status.HTTP_201_CREATED,
    responses=answers(None, shapes.TILL_TOKEN | {"token": "kkt_till_0123456789abcdef"}, "Made.", status=201),
    openapi_extra=body_of(NewToken, _TOKEN),
)
async def add_till_token(request: Request, people: People, principal: Admin) -> NewTillTokenAnswer:
    """Make a token; the answer is the only place where it is ever seen."""
    wanted = await read_model(request, NewToken)
    made = await people.till_tokens.add(
        wanted.scope, pos_ids=wanted.pos_ids, note=wanted.note, by=principal.name
    )
    log.info("till_token_added", id=made.token.id, scope=made.token.scope, by=principal.name)
    return NewTillTokenAnswer.made(made)


@router.delete("/till-tokens/{token_id}", responses=answers(None, shapes.TILL_TOKEN, refuses="NOT_FOUND"))
async def revoke_till_token(token_id: str, people: People, principal: Admin) -> TillTokenAnswer:
    """End a token; doing it twice changes nothing."""
    revoked = await people.till_tokens.revoke(token_id)
    people.gate.forget()
    log.info("till_token_revoked", id=revoked.id, by=principal.name)
    return TillTokenAnswer.of(revoked)
