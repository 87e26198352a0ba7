"""What runs inside a node of the lab: the product with a named point before, inside and after each seam.

In: the specification of the node, and commands of the lab over the control channel. Out: the product, made to
die, stand still or fail at a point.
"""
