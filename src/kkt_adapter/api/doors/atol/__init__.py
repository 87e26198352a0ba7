"""The door for clients of ATOL Online, protocol v4 (FFD 1.05) and v5 (FFD 1.2).

In: registrations of ATOL Online clients. Out: receipts for `intake`, and answers of that protocol.

Registering and asking for the result are two calls: a receipt is answered as soon as it is stored, and its
document is told by ``report`` or by a callback. ``docs/reference/atol-online.md`` has addresses, fields and
codes, and where this differs from the original.
"""
