"""One FN's way to the operator: relay (the FN's own message), HTTP, or device (the register delivers by
itself and is asked how far it is).

In: claimed receipts of one FN, oldest first. Out: a result for each that was tried.
"""
