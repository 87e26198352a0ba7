"""Shops that sell through the doors: ATOL Online on a group of registers, and KkmServer."""
