"""The schema of the database, step by step (Alembic), for SQLite and PostgreSQL alike.

In: a database of any earlier release. Out: today's tables, with every row kept. A released step never
changes; each release has its folder of steps.
"""
