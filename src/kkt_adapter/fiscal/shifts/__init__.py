"""Rows of shifts, cashier sessions and cash movements, and the form of X and Z reports.

In: a transaction, and what a register has reported. Out: rows, and reports as read models.
"""
