"""Password rules and hashing (argon2id, RFC 9106).

Hashing is slow and hungry on purpose, so it runs in a small pool of threads beside the event loop, and only
so many may wait for it: a flood of sign-ins is turned away instead of starving the tills.
"""

import asyncio
import base64
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from kkt_adapter.kernel.errors import InvalidInput, Overloaded

MIN_CHARACTERS = 10
MAX_CHARACTERS = 128  # far above any typed password; bounds the work of one request
MIN_DIFFERENT_CHARACTERS = 5
_WELL_KNOWN = frozenset(
    (
        *("1234567890", "0123456789", "12345678910", "0987654321", "123456789a", "1q2w3e4r5t"),
        *("qwertyuiop", "qwerty12345", "qwerty123456", "password12", "password123", "password1234"),
        *("administrator", "admin12345", "admin123456", "changeme123", "letmein123", "welcome123"),
        *("йцукенгшщз", "йцукен12345", "пароль12345", "пароль123456", "администратор", "кассир12345"),
    )
)

T = TypeVar("T")

if TYPE_CHECKING:
    from argon2 import PasswordHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class HashCost:
    """Price of one hash. The default is above the OWASP minimum for argon2id (19 MiB, 2 passes, 1 lane) and
    takes about 80 ms on a till; one lane, because a second core there belongs to receipts."""

    time_cost: int = 3  # passes
    memory_kib: int = 32 * 1024
    parallelism: int = 1  # lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordMatch:
    """``outdated``: the password is right, but its hash was made at another price and wants to be renewed."""

    right: bool
    outdated: bool = False


def check_password(password: str, *, account: str, field: str = "password") -> None:
    """Return when the password may be used for this account; ``field`` is its name in the request.

    10 to 128 characters, at least 5 different ones, not the account's name, not one of the best known
    passwords; nothing is demanded about letter case, digits or signs.

    Raises:
        InvalidInput: a rule is broken; the text names the rule and never the password.
    """
    text = unicodedata.normalize("NFKC", password)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise InvalidInput(
            f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.",
            f"Длина пароля: от {MIN_CHARACTERS} до {MAX_CHARACTERS} знаков.",
            field=field,
        )
    folded = text.casefold()
    if len(set(folded)) < MIN_DIFFERENT_CHARACTERS or folded in _WELL_KNOWN or folded == account.casefold():
        raise InvalidInput(
            "This password is too easy to guess. Use several words, or letters and digits in no order.",
            "Этот пароль легко угадать. Возьмите несколько слов или буквы и цифры вразброс.",
            field=field,
        )


class Passwords:
    """Hashes and verifies; each call waits its turn in the pool.

    Raises Overloaded from every method when ``max_waiting`` calls already wait. On cancel the call leaves the
    queue; one already being computed finishes in its thread and its result is dropped.
    """

    def __init__(self, cost: HashCost | None = None, *, threads: int = 1, max_waiting: int = 32) -> None:
        self._price = cost or HashCost()
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="password")
        self._limit = threads + max_waiting
        self._busy = 0

    async def hash(self, password: str) -> str:
        """The hash in PHC form (``$argon2id$v=19$...``), ready to be stored."""
        return await self._run(lambda: self._hasher.hash(_bytes_of(password)))

    async def verify(self, stored: str | None, password: str) -> PasswordMatch:
        """Compare with a stored hash; ``None`` (no such account) costs the same time and is never right."""
        return await self._run(lambda: self._compare(stored, _bytes_of(password)))

    def close(self) -> None:
        """Let the running hash end, drop those that wait. Later calls raise RuntimeError."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        """Loaded with the first password: a till's service may never see one."""
        from argon2 import PasswordHasher
        from argon2.low_level import Type

        return PasswordHasher(
            time_cost=self._price.time_cost,
            memory_cost=self._price.memory_kib,
            parallelism=self._price.parallelism,
            type=Type.ID,
        )

    @cached_property
    def _nobody(self) -> str:
        return _hash_of_nothing(self._price, hash_bytes=self._hasher.hash_len)

    def _compare(self, stored: str | None, password: bytes) -> PasswordMatch:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return PasswordMatch(right=False)
        if stored is None:
            return PasswordMatch(right=False)
        return PasswordMatch(right=True, outdated=self._hasher.check_needs_rehash(stored))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._busy >= self._limit:
            raise Overloaded(
                "Too many sign-ins at once. Try again in a second.",
                "Слишком много одновременных входов. Повторите через секунду.",
                retry_after=1,
            )
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._busy -= 1


def _bytes_of(password: str) -> bytes:
    """NFKC first, so that every keyboard and system gives the same bytes for the same password."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _hash_of_nothing(cost: HashCost, *, hash_bytes: int) -> str:
    """A hash that no password has: random bytes instead of a result, at the same price as a real one."""
    salt, result = (_phc_base64(os.urandom(size)) for size in (16, hash_bytes))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.time_cost},p={cost.parallelism}${salt}${result}"


def _phc_base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode("ascii")
