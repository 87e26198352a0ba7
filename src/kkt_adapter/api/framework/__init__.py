"""FastAPI and the routes it serves: everything but receipts, health, metrics and pages.

In: a request that no part of the edge answers by itself. Out: the answer of its route. Loaded with the first
such request.
"""
