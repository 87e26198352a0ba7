"""kkt-adapter: fiscal receipts, offline first, exactly once."""

__version__ = "0.1.0"
