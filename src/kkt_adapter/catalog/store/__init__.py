"""Rows of products and their history.

In: pages that were compared. Out: one commit per batch, with its checkpoint.
"""
