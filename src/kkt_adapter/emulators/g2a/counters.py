"""What the stand-in counts: requests, answers, and how close together they came."""

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestCounters:
    """Since the start, or the last reset."""

    requests: int = 0  # product requests of any outcome
    answers: Counter[str] = field(default_factory=Counter)  # by status or kind of fault
    pages: Counter[str] = field(default_factory=Counter)  # good answers by "scope/page"
    lookups: int = 0
    tokens: int = 0
    token_requests: int = 0  # of any outcome
    early: int = 0  # product requests before the end of a Retry-After
    in_flight: int = 0
    peak_in_flight: int = 0
    # of all requests, those for tokens too
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=100_000))

    def most_in_a_minute(self) -> int:
        window: deque[float] = deque()
        most = 0
        for moment in self.arrivals:
            window.append(moment)
            while window[0] <= moment - 60.0:
                window.popleft()
            most = max(most, len(window))
        return most
