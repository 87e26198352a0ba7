"""Sign-in of people: ``/api/v1/auth``."""

from fastapi import APIRouter, Request

from kkt_adapter.api.body import read_model
from kkt_adapter.api.people import Anyone, People, address_of
from kkt_adapter.api.schemas import auth as shapes
from kkt_adapter.api.schemas.auth import AccountAnswer, LoginAnswer, LoginRequest, PasswordChange
from kkt_adapter.api.schemas.documents import answers, body_of

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])

_LOGIN = {"username": "olga", "password": "correct horse battery"}
_CHANGE = {"current_password": "correct horse battery", "new_password": "another long one"}


@router.post(
    "/login",
    responses=answers(None, shapes.LOGIN, refuses="UNAUTHORIZED"),
    openapi_extra=body_of(LoginRequest, _LOGIN),
)
async def login(request: Request, people: People) -> LoginAnswer:
    """Exchange a name and a password for an access token. After five failures in a minute: 429."""
    wanted = await read_model(request, LoginRequest)
    signed_in = await people.sign_in.login(wanted.username, wanted.password, address=address_of(request))
    return LoginAnswer.of(signed_in)


@router.get("/me", responses=answers(None, shapes.ACCOUNT, refuses="NOT_FOUND"))
async def me(people: People, principal: Anyone) -> AccountAnswer:
    """The account of this token, as it is now."""
    return AccountAnswer.of(await people.accounts.get(principal.name))


@router.post(
    "/password", responses=answers(None, shapes.LOGIN), openapi_extra=body_of(PasswordChange, _CHANGE)
)
async def change_password(request: Request, people: People, principal: Anyone) -> LoginAnswer:
    """Replace one's own password. All tokens of the account end; the answer has a new one."""
    wanted = await read_model(request, PasswordChange)
    signed_in = await people.sign_in.change_password(
        principal.name,
        current=wanted.current_password,
        new=wanted.new_password,
        address=address_of(request),
    )
    people.gate.forget()
    return LoginAnswer.of(signed_in)
