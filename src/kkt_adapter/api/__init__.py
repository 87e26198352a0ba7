"""The HTTP interface: from bytes of a connection to a call of the domain, and back.

In: requests, and the services that ``bootstrap`` put together (``services.py``). Out: answers as
/openapi.json describes them. Nothing is decided here about receipts; the domain is called, and its read
models are shown. ``wire`` guards connections, ``entry`` and ``edge`` judge a request before a route sees it,
``routes`` call the domain, ``schemas`` shape bodies and answers, ``doors`` speak foreign protocols, ``ui``
shows pages.
"""
