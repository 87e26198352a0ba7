"""Who may call what under /v1 and read the catalogue: the one table of rights, and the rule that reads it.

An account needs the role (or a stronger one); a till token needs one of the scopes, and with scope ``pos``
the till must be one of its own. A row without scopes is for accounts only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from kkt_adapter.kernel.errors import NotAllowed
from kkt_adapter.runtime.auth.roles import Principal, PrincipalKind, Role, Scope

OPEN = Principal(kind=PrincipalKind.ACCOUNT, name="open", role=Role.ADMIN)
"""Everybody, while ``auth = open``."""


class Action(StrEnum):
    RECEIPT_ACCEPT = "receipt.accept"
    RECEIPT_READ = "receipt.read"
    RECEIPT_REPRINT = "receipt.reprint"
    RECEIPT_RESOLVE = "receipt.resolve"
    REFUND_CHECK = "refund.check"
    X_REPORT = "report.x"
    Z_REPORT = "report.z"
    SHIFT_OPEN = "shift.open"
    SHIFT_RESOLVE = "shift.resolve"
    REGISTER_HOLD = "register.hold"
    SESSION = "session"  # open, close, cash in and out
    SESSION_READ = "session.read"
    STATUS = "status"
    EVENTS = "events"
    METRICS = "metrics"
    SHOP_CALLBACK = "shop.callback"
    SYNC = "sync"
    BREAKER_RESET = "breaker.reset"
    DEAD_LETTER_READ = "dead_letter.read"
    DEAD_LETTER_RETRY = "dead_letter.retry"
    DEAD_LETTER_RESOLVE = "dead_letter.resolve"
    CAPACITY = "capacity"
    MAINTENANCE = "maintenance"
    CLOCK = "clock"
    CATALOGUE_READ = "catalogue.read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    role: Role
    scopes: frozenset[Scope] = frozenset()


_POS = frozenset({Scope.POS})
_BOTH = frozenset({Scope.POS, Scope.READ})
_READ = frozenset({Scope.READ})

NEEDS: Mapping[Action, Need] = MappingProxyType(
    {
        Action.RECEIPT_ACCEPT: Need(role=Role.ADMIN, scopes=_POS),
        Action.RECEIPT_READ: Need(role=Role.VIEWER, scopes=_POS),
        Action.RECEIPT_REPRINT: Need(role=Role.ADMIN, scopes=_POS),
        Action.RECEIPT_RESOLVE: Need(role=Role.ADMIN),
        Action.REFUND_CHECK: Need(role=Role.VIEWER, scopes=_POS),
        Action.X_REPORT: Need(role=Role.MANAGER, scopes=_POS),
        Action.Z_REPORT: Need(role=Role.MANAGER, scopes=_POS),
        Action.SHIFT_OPEN: Need(role=Role.MANAGER, scopes=_POS),
        Action.SHIFT_RESOLVE: Need(role=Role.ADMIN),
        Action.REGISTER_HOLD: Need(role=Role.MANAGER),
        Action.SESSION: Need(role=Role.ADMIN, scopes=_POS),
        Action.SESSION_READ: Need(role=Role.VIEWER, scopes=_BOTH),
        Action.STATUS: Need(role=Role.VIEWER, scopes=_BOTH),
        Action.EVENTS: Need(role=Role.VIEWER, scopes=_READ),
        Action.METRICS: Need(role=Role.VIEWER, scopes=_READ),
        Action.SHOP_CALLBACK: Need(role=Role.MANAGER),
        Action.SYNC: Need(role=Role.MANAGER),
        Action.BREAKER_RESET: Need(role=Role.ADMIN),
        Action.DEAD_LETTER_READ: Need(role=Role.VIEWER),
        Action.DEAD_LETTER_RETRY: Need(role=Role.MANAGER),
        Action.DEAD_LETTER_RESOLVE: Need(role=Role.ADMIN),
        Action.CAPACITY: Need(role=Role.ADMIN),
        Action.MAINTENANCE: Need(role=Role.ADMIN),
        Action.CLOCK: Need(role=Role.ADMIN),
        Action.CATALOGUE_READ: Need(role=Role.VIEWER, scopes=_BOTH),
    }
)


def check_may(principal: Principal, action: Action) -> None:
    """Raises NotAllowed."""
    need = NEEDS[action]
    if principal.covers(need.role) or principal.scopes & need.scopes:
        return
    scopes = ", ".join(sorted(need.scopes))
    raise NotAllowed(
        f"This needs an account with role {need.role}"
        + (f" or a token of scope {scopes}." if scopes else "."),
        f"Нужна учётная запись с ролью {need.role}" + (f" или токен с правом {scopes}." if scopes else "."),
    )


def check_till(principal: Principal, pos_id: str) -> None:
    """A till's token works for its own tills only. Raises NotAllowed."""
    if principal.kind is PrincipalKind.ACCOUNT or Scope.READ in principal.scopes:
        return
    if not principal.may_use_till(pos_id):
        raise NotAllowed(
            "The token is not for this till (pos_id).",
            "Токен выдан не для этой кассы (pos_id).",
            pos_id=pos_id,
        )


def till_of(principal: Principal, pos_id: str | None) -> str | None:
    """The till a request is about: the named one, else the only one of the token; None: all, for people.

    Raises:
        NotAllowed: a till that is not the token's, or none named and the token has several.
    """
    if pos_id is not None:
        check_till(principal, pos_id)
        return pos_id
    if principal.kind is PrincipalKind.ACCOUNT or Scope.READ in principal.scopes:
        return None
    if len(principal.pos_ids) == 1:
        return next(iter(principal.pos_ids))
    raise NotAllowed("Name one of your tills in pos_id.", "Укажите в pos_id одну из касс токена.")
