"""The operator (OFD): bytes of its protocol, and the two ways to reach it.

In: a message of an FN, or a receipt as JSON. Out: the operator's typed reply, or an `OfdError`.
"""
