"""Bodies of sign-in, accounts and till tokens."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, Field, WithJsonSchema

from kkt_adapter.runtime.auth.accounts import Account
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.auth.signin import SignedIn
from kkt_adapter.runtime.auth.till_tokens import NewTillToken, TillToken

Username = Annotated[str, Field(min_length=1, max_length=256)]
RoleName = Annotated[Role, WithJsonSchema({"type": "string", "enum": [role.value for role in Role]})]
ScopeName = Annotated[Scope, WithJsonSchema({"type": "string", "enum": [scope.value for scope in Scope]})]
Password = Annotated[str, Field(min_length=1, max_length=1024)]  # the rules proper are those of the domain


class LoginRequest(BaseModel):
    username: Username
    password: Password


class LoginAnswer(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: Annotated[int, Field(description="Seconds.")]
    role: RoleName

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
    role: RoleName


class AccountChange(BaseModel):
    """What is left out stays as it is."""

    role: RoleName | None = None
    disabled: bool | None = None


class PasswordReset(BaseModel):
    password: Password


class AccountAnswer(BaseModel):
    username: str
    role: RoleName
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
    scope: ScopeName
    pos_ids: list[str] = Field(default=[], description="Tills of scope pos; none for scope read.")
    note: str = ""


class TillTokenAnswer(BaseModel):
    id: str
    scope: ScopeName
    pos_ids: list[str]
    note: str
    created_at: datetime
    created_by: str
    last_used_at: Annotated[datetime | None, Field(description="Within ten minutes of the truth.")]
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: TillToken) -> Self:
        return cls(**_facts(token))


class TillTokensAnswer(BaseModel):
    tokens: list[TillTokenAnswer]


class NewTillTokenAnswer(TillTokenAnswer):
    token: Annotated[str, Field(description="The secret; shown here and never again.")]

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


_AT: Final = "2026-03-14T09:00:00Z"
LOGIN: Final[dict[str, Any]] = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmVk",
    "token_type": "bearer",
    "expires_in": 28800,
    "role": "manager",
}
ACCOUNT: Final[dict[str, Any]] = {
    "username": "olga",
    "role": "manager",
    "disabled": False,
    "created_at": _AT,
    "password_changed_at": _AT,
    "last_login_at": None,
}
TILL_TOKEN: Final[dict[str, Any]] = {
    "id": "b302099a8057",
    "scope": "pos",
    "pos_ids": ["POS-001"],
    "note": "till 1",
    "created_at": _AT,
    "created_by": "olga",
    "last_used_at": None,
    "revoked_at": None,
}
