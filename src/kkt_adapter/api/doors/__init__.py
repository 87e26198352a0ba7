"""Doors: foreign protocols, each answered as its clients know it.

In: a shop's request in its own protocol. Out: a receipt for `intake`, and the answer in the shop's words.

A door only renames, quantises and chooses; what the law says of a receipt is judged behind it, by the same
code as for ``POST /v1/kkt/receipt``. The edge (``api/edge.py``) gives a door its requests and asks it for the
form of every refusal. ``door.py`` says what a door is; ``sender.py`` whether a browser page may call it.
"""
