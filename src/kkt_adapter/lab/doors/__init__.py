"""Shops that sell through the doors: ATOL Online on a group of registers, and KkmServer.

In: addresses of nodes. Out: sales through the doors, and what their shops were told.
"""
