"""What the edge asks of a request before a route sees it, one rule each.

In: a request's method, path, headers and address. Out: a refusal, or who asks and what it may take.
"""
