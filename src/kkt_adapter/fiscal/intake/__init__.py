"""Phase 1: a receipt is checked and stored durably.

In: a complete `Receipt` and its key. Out: the row, or a refusal that left no trace.
"""
