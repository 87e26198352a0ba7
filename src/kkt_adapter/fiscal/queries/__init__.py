"""Receipts, events and today's sales, read back one by one and in pages. Never writes.

In: a filter and a cursor. Out: frozen read models and the next cursor.
"""
