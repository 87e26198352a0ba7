"""Who may act: leases with a growing term in the database or in memory, the pass lock in Redis or the
process, and the peers on one data directory.

In: the name of what is wanted, and by whom. Out: a term, or who holds it.
"""
