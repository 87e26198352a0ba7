"""Counts wrong passwords, so that guessing is slow.

Kept in memory of one process: a restart forgets it, and with several nodes a guesser gets the allowance
once per node. Both are small against the price of one guess (the password hash is made to be slow), and
a sign-in stays free of writes.
"""

import math
from collections import OrderedDict, deque
from typing import TypeVar

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import RateLimited

FAILURES_ALLOWED = 5  # per account and address in one window
WINDOW_S = 60.0
ACCOUNT_FAILURES = 20  # of one account from everywhere in one account window; then tries are spaced
ACCOUNT_WINDOW_S = 600.0
ACCOUNT_PAUSE_S = 10.0  # between two tries of such an account, at most 6 guesses a minute
KEYS_KEPT = 10_000  # the least recently failed is forgotten first

K = TypeVar("K")


class LoginAttempts:
    """Failures of the last minute by account and address; holds at most ``keys_kept`` pairs.

    Failures of an account from many addresses slow down its sign-in, but not from an address where it has
    signed in before: whoever guesses from everywhere does not lock its owner out.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        failures_allowed: int = FAILURES_ALLOWED,
        window_s: float = WINDOW_S,
        keys_kept: int = KEYS_KEPT,
    ) -> None:
        self._clock = clock
        self._allowed = failures_allowed
        self._window_s = window_s
        self._keys_kept = keys_kept
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._of_account: OrderedDict[str, deque[float]] = OrderedDict()
        self._at_home: OrderedDict[tuple[str, str], None] = OrderedDict()  # who has signed in from where

    def check(self, account: str, address: str) -> None:
        """Return when one more try is allowed.

        Raises:
            RateLimited: the window is full of failures; ``retry_after`` says when one leaves it, in seconds.
        """
        now = self._clock.monotonic()
        if (account, address) not in self._at_home:
            self._check_account(account, now)
        failures = self._failures.get((account, address))
        if failures is None:
            return
        while failures and failures[0] <= now - self._window_s:
            failures.popleft()
        if not failures:
            del self._failures[(account, address)]
        elif len(failures) >= self._allowed:
            raise _too_many(failures[0] + self._window_s - now)

    def _check_account(self, account: str, now: float) -> None:
        failures = self._of_account.get(account)
        if failures is None or len(failures) < ACCOUNT_FAILURES or failures[0] <= now - ACCOUNT_WINDOW_S:
            return
        wait_s = failures[-1] + ACCOUNT_PAUSE_S - now
        if wait_s > 0:
            raise _too_many(wait_s)

    def failed(self, account: str, address: str) -> None:
        """Note one wrong password (or unknown name) now."""
        now = self._clock.monotonic()
        self._note(self._failures, (account, address), self._allowed, now)
        self._note(self._of_account, account, ACCOUNT_FAILURES, now)

    def _note(self, kept: "OrderedDict[K, deque[float]]", key: K, length: int, now: float) -> None:
        kept.setdefault(key, deque(maxlen=length)).append(now)
        kept.move_to_end(key)
        while len(kept) > self._keys_kept:
            kept.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of this pair; the account is at home there."""
        self._failures.pop((account, address), None)
        self._at_home[(account, address)] = None
        self._at_home.move_to_end((account, address))
        if len(self._at_home) > self._keys_kept:
            self._at_home.popitem(last=False)


def _too_many(wait_s: float) -> RateLimited:
    whole_s = max(1, math.ceil(wait_s))
    return RateLimited(
        f"Too many wrong passwords. Try again in {whole_s} s.",
        f"Слишком много неверных паролей. Повторите через {whole_s} с.",
        retry_after=whole_s,
    )
