"""A product that does not wait long for its registers, and what came out of them."""

from collections import Counter
from typing import Any

from tests.support.product import Product

QUICK: Any = {"response_budget_s": 0.15}


def printed(running: Product) -> Counter[str]:
    """How often each receipt key is in the FN."""
    return Counter(document.key for document in running.archive() if document.key is not None)
