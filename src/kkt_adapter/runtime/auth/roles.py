"""Who may do what: three roles of people, two scopes of till tokens, and the principal behind a request."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Roles of accounts, weakest first; each may do all that the ones before it may."""

    VIEWER = "viewer"  # reads
    MANAGER = "manager"  # also manual sync, retry of dead letters, Z report
    ADMIN = "admin"  # everything, accounts too

    def covers(self, needed: "Role") -> bool:
        """True when this role may do what ``needed`` may."""
        return _RANK[self] >= _RANK[needed]


class Scope(StrEnum):
    """What a till token is for."""

    POS = "pos"  # of the listed tills: receipts, refund check, session, cash, X and Z; the catalogue
    READ = "read"  # status, metrics and events, of all tills; the catalogue


class PrincipalKind(StrEnum):
    ACCOUNT = "account"
    TILL = "till"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever an Authorization header turned out to be.

    ``name`` is safe to log and to store as "done by": the account's name, or ``till:<token id>``.
    An account has a role and no scopes, a till token has one scope and no role.
    """

    kind: PrincipalKind
    name: str
    role: Role | None = None
    scopes: frozenset[Scope] = field(default_factory=frozenset)
    pos_ids: frozenset[str] = field(default_factory=frozenset)

    def covers(self, needed: Role) -> bool:
        """True when this is an account whose role may do what ``needed`` may."""
        return self.role is not None and self.role.covers(needed)

    def may_use_till(self, pos_id: str) -> bool:
        """True when this is a till token of scope ``pos`` that lists ``pos_id``."""
        return Scope.POS in self.scopes and pos_id in self.pos_ids


_RANK = {role: rank for rank, role in enumerate(Role)}
