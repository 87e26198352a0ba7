"""Tables, and the small reads and writes that several packages share: counters, events, attempts, idempotency
keys, run-time settings.

In: a connection inside a transaction. Out: rows read or written.

Everything here is a plain function of a connection and runs in its caller's transaction.
"""
