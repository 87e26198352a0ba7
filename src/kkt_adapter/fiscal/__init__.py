"""ROOM 1: receipts, from acceptance to the operator's confirmation."""
