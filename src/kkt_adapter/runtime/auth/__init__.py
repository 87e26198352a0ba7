"""Who asks: accounts with passwords, sign-in, access tokens, tills' own tokens, sessions of the pages.

In: a password, an Authorization header or a cookie. Out: a ``Principal``, or NotAuthenticated. What a
principal may do is decided by whoever asks.
"""
