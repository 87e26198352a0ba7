"""Receipts, from acceptance to the operator's confirmation.

In: a till's request. Out: a fiscal document on a register, and the operator's confirmation of it. The
packages stand in layers (pyproject.toml); docs/architecture.md follows a receipt through them.
"""
