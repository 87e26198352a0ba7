"""I/O machinery that knows nothing of receipts: databases, leases, sign-in, supervisor, log, HTTP.

In: settings of a database, a lease, a log. Out: connections, transactions, leases, lines.
"""
