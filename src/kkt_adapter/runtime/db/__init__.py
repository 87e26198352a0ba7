"""The `Database` seam and its two implementations, SQLite (one writer thread, group commit) and PostgreSQL;
migrations, backup, integrity check.

In: plain functions of a connection. Out: their result, after the commit.
"""
