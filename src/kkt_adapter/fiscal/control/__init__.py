"""What people order: register actions, X and Z, cashier sessions, maintenance and capacity.

In: an order and who gives it. Out: what the register or the till's session has made of it.

Each order leaves an event with its author.
"""
