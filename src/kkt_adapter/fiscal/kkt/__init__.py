"""Cash registers: the seam (``driver.py``) and one folder for each kind of register.

In: a receipt or an order from `printing`. Out: a document of the FN, or an error that says what is known.
"""
