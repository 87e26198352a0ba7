"""What people and monitoring read: status pages, health, metrics. Never writes.

In: snapshots of lanes, delivery and database. Out: read models for pages, and metric lines.
"""
