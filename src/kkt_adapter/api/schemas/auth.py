"""Bodies of sign-in, accounts and till tokens."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.auth.signin import SignedIn
from kkt_adapter.runtime.auth.till_tokens import NewTillToken, TillToken

Username = Annotated[str, Field(min_length=1, max_length=256)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]  # the rules proper are those of the domain


class LoginRequest(BaseModel):
    username: Username
    password: Password


class LoginAnswer(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int  # seconds
    role: Role

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        token = signed_in.token
        return cls(access_token=token.text, expires_in=token.expires_in_s, role=signed_in.account.role)


class PasswordChange(BaseModel):
    current_password: Password
    new_password: Password


class NewAccount(BaseModel):
    username: Username
    password: Password
    role: Role


class AccountChange(BaseModel):
    """What is left out stays as it is."""

    role: Role | None = None
    disabled: bool | None = None


class PasswordReset(BaseModel):
    password: Password


class AccountAnswer(BaseModel):
    username: str
    role: Role
    disabled: bool
    created_at: datetime
    password_changed_at: datetime
    last_login_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            username=account.name,
            role=account.role,
            disabled=account.disabled,
            created_at=account.created_at,
            password_changed_at=account.password_changed_at,
            last_login_at=account.last_login_at,
        )


class AccountsAnswer(BaseModel):
    accounts: list[AccountAnswer]


class NewToken(BaseModel):
    scope: Scope
    pos_ids: list[str] = []
    note: str = ""


class TillTokenAnswer(BaseModel):
    id: str
    scope: Scope
    pos_ids: list[str]
    note: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None  # within ten minutes of the truth
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: TillToken) -> Self:
        return cls(**_facts(token))


class TillTokensAnswer(BaseModel):
    tokens: list[TillTokenAnswer]


class NewTillTokenAnswer(TillTokenAnswer):
    token: str  # the secret; shown here and never again

    @classmethod
    def made(cls, new: NewTillToken) -> Self:
        return cls(token=new.text, **_facts(new.token))


def _facts(token: TillToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "scope": token.scope,
        "pos_ids": sorted(token.pos_ids),
        "note": token.note,
        "created_at": token.created_at,
        "created_by": token.created_by,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The description of a request body for the API's own documentation (``openapi_extra``)."""
    schema = model.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The same schema without references, as the document it goes into has its own place for those."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(value, definitions) for value in schema]
    return schema
