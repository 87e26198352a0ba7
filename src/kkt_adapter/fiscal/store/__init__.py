"""Tables, and the small reads and writes that several packages share: counters, events, attempts, idempotency
keys, run-time settings.

Everything here is a plain function of a connection and runs in its caller's transaction.
"""
