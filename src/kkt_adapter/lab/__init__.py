"""The fault lab: the real product, real processes, and faults by seed, until three books must agree.

In: a seed and how much is to be broken. Out: books compared, findings, and a certificate.
"""
