"""getToken, and whose token a request carries. A token is checked by one HMAC; nothing slow is hashed."""

from urllib.parse import parse_qs

from starlette.types import Scope

from kkt_adapter.api.body import json_object
from kkt_adapter.api.doors.atol.errors import AtolError, Code
from kkt_adapter.api.doors.atol.parts import AtolParts
from kkt_adapter.api.doors.sender import check_origin
from kkt_adapter.api.entry.heads import headers_in
from kkt_adapter.kernel.errors import NotAuthenticated
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop
from kkt_adapter.runtime.auth.shops import secret_hash

MAX_CREDENTIAL = 100  # characters of login and pass; v4 5.23, section 4
MAX_QUERY_BYTES = 4096


async def new_token(parts: AtolParts, scope: Scope, body: bytes) -> str:
    """A token for the login and the secret of the request; older tokens stay valid.

    Raises:
        AtolError: 12 wrong, 13 not readable, 14 not for this protocol.
        RateLimited: too many wrong ones.
        NotAllowed: a page that the shop does not list.
    """
    login, secret = _credentials(scope, body)
    client = scope.get("client")
    try:
        shop = await parts.shops.sign_in(login, secret, address=client[0] if client else "")
    except NotAuthenticated:
        raise AtolError(Code.WRONG_LOGIN, "Неверный логин или пароль. Проверьте login и pass.") from None
    if not shop.may_use(DoorName.ATOL_ONLINE):
        raise _not_this_door(shop)
    check_origin(shop, headers_in(scope))
    return parts.tokens.issue(shop, secret_hash=secret_hash(secret))


async def holder(parts: AtolParts, scope: Scope) -> Shop:
    """The shop whose token this is. Raises AtolError: 10 no token, 11 it does not hold (any more)."""
    text = _token(scope)
    if not text:
        raise AtolError(Code.MISSING_TOKEN, "Нет токена. Получите его запросом getToken.")
    claims = parts.tokens.read(text)
    shop = None if claims is None else await parts.shops.find(claims.shop_id)
    if claims is None or shop is None or parts.tokens.is_over(claims) or not claims.holds_for(shop):
        raise AtolError(Code.EXPIRED_TOKEN, "Токен не действует. Получите новый запросом getToken.")
    if not shop.may_use(DoorName.ATOL_ONLINE):
        raise _not_this_door(shop)
    return shop


def _not_this_door(shop: Shop) -> AtolError:
    return AtolError(
        Code.BLOCKED,
        f"Учётной записи {shop.id} не разрешён протокол АТОЛ Онлайн. Добавьте atol-online в doors.",
    )


def _token(scope: Scope) -> str:
    """Of the header ``Token``, else of the query: Bitrix sends only that, as ``token``.

    ``tokenid`` is the name of v3, which older releases of ssitdikov/ATOL send to v4 too
    (src/Request/OperationRequest.php).
    """
    given = headers_in(scope).get(b"token", b"").decode("latin-1").strip()
    query = _query(scope)
    return given or query.get("token") or query.get("tokenid", "")


def _credentials(scope: Scope, body: bytes) -> tuple[str, str]:
    if scope["method"] == "POST":
        document = json_object(body)
        login, secret = document.get("login"), document.get("pass")
    else:
        query = _query(scope)
        login, secret = query.get("login"), query.get("pass")
    for name, value in (("login", login), ("pass", secret)):
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_CREDENTIAL:
            raise AtolError(
                Code.LOGIN_INVALID,
                f"{name}: текст от 1 до {MAX_CREDENTIAL} символов. Передайте login и pass.",
            )
    return str(login), str(secret)


def _query(scope: Scope) -> dict[str, str]:
    raw: bytes = scope.get("query_string", b"")
    if not raw or len(raw) > MAX_QUERY_BYTES:
        return {}
    found = parse_qs(raw.decode("latin-1"), keep_blank_values=True)
    return {name: values[-1] for name, values in found.items()}
