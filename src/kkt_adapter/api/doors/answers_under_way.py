"""Answers that have not reached their client for long enough: their callbacks wait."""

from collections import OrderedDict
from typing import Final

from kkt_adapter.kernel.clock import Clock

AFTER_ANSWER_S: Final = 3.0  # a callback that overtakes the answer confuses shops (atol-online.md)
ANSWERS_KEPT: Final = 10_000


class AnswersUnderWay:
    """Registrations whose answer has not reached the client for long enough; of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: OrderedDict[str, float | None] = OrderedDict()  # None: the answer is being sent

    def begins(self, receipt_id: str) -> None:
        self._sent[receipt_id] = None
        while len(self._sent) > ANSWERS_KEPT:
            self._sent.popitem(last=False)

    def ends(self, receipt_id: str) -> None:
        self._sent[receipt_id] = self._clock.monotonic()

    def holds(self, receipt_id: str) -> bool:
        """Whether its callback has to wait."""
        if receipt_id not in self._sent:
            return False
        at = self._sent[receipt_id]
        if at is None or self._clock.monotonic() - at < AFTER_ANSWER_S:
            return True
        del self._sent[receipt_id]
        return False
