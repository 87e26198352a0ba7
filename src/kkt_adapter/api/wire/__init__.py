"""HTTP before the application: what one connection may send, how long it may take, and how many there are.

In: bytes of a connection. Out: requests for the application, or a refusal that ends the connection.

uvicorn parses (httptools) and calls the application. It has no limit on header bytes, on the time of a
request or on connections, so `protocol` adds them to its connection class, `connections` decides who gets a
place, and `server` puts them together. `docs/decisions/0009-limits-around-the-http-parser.md` says why.
"""
