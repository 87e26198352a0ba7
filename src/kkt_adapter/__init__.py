"""kkt-adapter: fiscal receipts, offline first, exactly once.

In: receipts and orders of tills, shops and people. Out: documents of registers, delivered to the operator.
``docs/architecture.md`` draws the packages and the way of a receipt.
"""

__version__ = "0.1.0"
