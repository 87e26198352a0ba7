"""Keeps secrets and rubbish out of logs and records."""

import re
from collections import OrderedDict

SECRETS_KEPT = 32  # constant ones and the newest tokens
LIMIT = 500  # characters of foreign text that a record may carry
SHORTEST = 4  # shorter "secrets" would black out ordinary words
MASK = "***"

_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def one_line(text: str, *, limit: int = LIMIT) -> str:
    """Foreign text without line breaks and control characters, cut to ``limit``."""
    return _BREAKS.sub(" ", text[: limit * 2]).strip()[:limit]


class Redactor:
    """Knows the secrets of this process; remembers a bounded number of them, the oldest go first."""

    def __init__(self, *secrets: str) -> None:
        self._secrets: OrderedDict[str, None] = OrderedDict()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """From now on `scrub` hides it."""
        if len(secret) >= SHORTEST:
            self._secrets[secret] = None
            self._secrets.move_to_end(secret)
            while len(self._secrets) > SECRETS_KEPT:
                self._secrets.popitem(last=False)

    def scrub(self, text: str) -> str:
        """The text with every known secret hidden."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
