"""The heartbeat: what back offices are told of this adapter and its receipts.

It may fail freely: nothing of accepting, printing or delivering waits for it or asks its state.
"""
