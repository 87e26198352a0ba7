"""Rows of shifts, cashier sessions and cash movements, and the form of X and Z reports."""
