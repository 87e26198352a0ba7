"""The books about what is no receipt: cash put in and taken out, sessions, X and Z reports.

In: what tills did and were told. Out: differences to what the product has written down.
"""
