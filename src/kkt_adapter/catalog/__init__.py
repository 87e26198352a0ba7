"""Products: read from the vendor, stored, scheduled and read back by tills. Knows nothing of receipts.

In: the vendor's list, an order to read it, questions of tills. Out: stored products and their changes.
"""
