"""Commands that work on the database itself: copies, identity, clock.

In: the path or address of a database. Out: copies, findings, or a database that was put back.
"""
