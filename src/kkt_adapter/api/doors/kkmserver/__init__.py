"""The door for clients of KkmServer: ``POST /Execute``, JSON in, JSON out, every outcome HTTP 200.

In: commands of KkmServer clients. Out: receipts and orders for the register, and answers of that protocol.

It renames, quantises and chooses; what the law says of a receipt is judged behind it, as for any other door.
``docs/reference/kkmserver.md`` has the commands, the fields and where this differs from the original.
"""
