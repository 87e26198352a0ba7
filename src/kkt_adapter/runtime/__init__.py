"""I/O machinery that has never heard of receipts: databases, leases, sign-in, supervisor, log, HTTP."""
