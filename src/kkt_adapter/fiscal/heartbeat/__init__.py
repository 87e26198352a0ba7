"""The heartbeat: what back offices are told of this adapter and its receipts.

In: rows of receipts and the state of the tills. Out: calls to the back offices, and what they acknowledged.

It may fail freely: nothing of accepting, printing or delivering waits for it or asks its state.
"""
