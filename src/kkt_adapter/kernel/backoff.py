"""Attempt number to delay."""

CAP_S = 60.0  # delivery.md#worker: 1, 2, 4, 8, 16, 32, 60, 60 ...


def backoff(attempt: int, *, first_s: float = 1.0, cap_s: float = CAP_S) -> float:
    """Delay in seconds after the ``attempt``-th failure in a row (1 or more): doubling, capped."""
    if attempt < 1:
        raise ValueError("attempts count from 1")
    if attempt > 64:  # 2**64 s is far beyond any cap; do not build huge integers
        return cap_s
    return min(first_s * float(2 ** (attempt - 1)), cap_s)
