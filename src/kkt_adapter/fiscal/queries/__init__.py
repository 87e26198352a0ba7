"""Receipts, events and today's sales, read back one by one and in pages. Never writes."""
