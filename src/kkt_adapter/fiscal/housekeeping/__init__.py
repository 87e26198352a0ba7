"""Daily chores: retention of old rows and the backup.

In: the clock and settings. Out: fewer rows, a copy of the database.
"""
