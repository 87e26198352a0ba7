"""What people order: register actions, X and Z, cashier sessions, maintenance and capacity.

Each order leaves an event with its author.
"""
