"""Counts wrong passwords, so that guessing is slow.

Kept in memory of one process: a restart forgets it, and with several nodes a guesser gets the allowance
once per node. Both are small against the price of one guess (the password hash is made to be slow), and
a sign-in stays free of writes.
"""

import math
from collections import OrderedDict, deque

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import RateLimited

FAILURES_ALLOWED = 5  # per account and address in one window
WINDOW_S = 60.0
KEYS_KEPT = 10_000  # the least recently failed is forgotten first


class LoginAttempts:
    """Failures of the last minute by account and address; holds at most ``keys_kept`` pairs."""

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

    def check(self, account: str, address: str) -> None:
        """Return when one more try is allowed.

        Raises:
            RateLimited: the window is full of failures; ``retry_after`` says when one leaves it, in seconds.
        """
        failures = self._failures.get((account, address))
        if failures is None:
            return
        now = self._clock.monotonic()
        while failures and failures[0] <= now - self._window_s:
            failures.popleft()
        if not failures:
            del self._failures[(account, address)]
        elif len(failures) >= self._allowed:
            wait_s = max(1, math.ceil(failures[0] + self._window_s - now))
            raise RateLimited(
                f"Too many wrong passwords. Try again in {wait_s} s.",
                f"Слишком много неверных паролей. Повторите через {wait_s} с.",
                retry_after=wait_s,
            )

    def failed(self, account: str, address: str) -> None:
        """Note one wrong password (or unknown name) now."""
        key = (account, address)
        failures = self._failures.setdefault(key, deque(maxlen=self._allowed))
        failures.append(self._clock.monotonic())
        self._failures.move_to_end(key)
        while len(self._failures) > self._keys_kept:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of this pair."""
        self._failures.pop((account, address), None)
