"""Commands about registers and their shifts.

In: the id of a register or the address of a device. Out: what it is and does, or an order carried out.
"""
