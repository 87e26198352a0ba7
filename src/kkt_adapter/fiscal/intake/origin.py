"""Where a receipt of a shop came from: the door, the account, and the client's own key.

The stored key and the receipt key of tags 1192 and 1084 are made from the whole scope, because shops use
"1001" as a key: the same text through two doors, or in two groups, is two receipts. A native Idempotency-Key
has no spaces, so it is never one of these.
"""

from dataclasses import dataclass
from hashlib import sha256

from kkt_adapter.fiscal.intake.press_guard import PressGuard
from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.events import EventFacts
from kkt_adapter.kernel.quick import quickly_made

MAX_KEY_CHARACTERS = 128  # of a native key; back offices rely on it


def scoped_key(door: str, scope: str, client_key: str) -> str:
    """The key as it is stored. ``door`` and ``scope`` have no spaces; a long ``client_key`` is shortened."""
    key = f"{door} {scope} {client_key}"
    if len(key) <= MAX_KEY_CHARACTERS:
        return key
    return f"{door} {scope} #{sha256(client_key.encode()).hexdigest()[:32]}"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """``scope``: what ``client_key`` is unique in. ATOL Online: the group; KkmServer: the account."""

    door: str
    account: str
    scope: str
    client_key: str
    content: bytes  # SHA-256 of what the client sent, never of its translation
    was: tuple[str, ...] = ()  # scopes of before, whose keys count too
    group: str | None = None  # the group of registers that may print it
    facts: str | None = None  # JSON: what the door needs for its later answers
    callback_url: str | None = None  # who is told of the outcome
    guard: PressGuard | None = None  # KkmServer: an equal press that is not settled keeps this one out
    actions: tuple[bytes, ...] = ()  # KkmServer: under which the key may have been used for no receipt

    @property
    def key(self) -> str:
        return scoped_key(self.door, self.scope, self.client_key)

    @property
    def keys(self) -> tuple[str, ...]:
        """As stored: the key now, then under the scopes of before."""
        scopes = (self.scope, *self.was)
        return tuple([scoped_key(self.door, one, self.client_key) for one in scopes])

    @property
    def key_hashes(self) -> tuple[bytes, ...]:
        """Of ``keys``."""
        return tuple([receipt_json.key_hash(key) for key in self.keys])

    @property
    def older_hashes(self) -> tuple[bytes, ...]:
        """Of ``keys`` but the first."""
        return self.key_hashes[1:] if self.was else ()


def origin_row(origin: Origin | None) -> tuple[str | None, ...]:
    if origin is None:
        return (None, None, None, None, None)
    return (origin.door, origin.account, origin.group, origin.client_key, origin.facts)


def origin_facts(origin: Origin | None) -> EventFacts:
    """What an event says of it."""
    if origin is None:
        return {}
    return {"door": origin.door, "account": origin.account, "client_key": origin.client_key}
