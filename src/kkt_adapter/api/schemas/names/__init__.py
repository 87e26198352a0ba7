"""The names of a receipt's fields: ours, several for one field; those of other interfaces; those of 0.1.0.

In: the members of a request's body. Out: our name for each, or what to send instead.
"""
