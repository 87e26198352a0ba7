"""I/O machinery that knows nothing of receipts: databases, leases, sign-in, supervisor, log, HTTP."""
