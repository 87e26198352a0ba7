"""Marking codes (коды маркировки): ``spelling`` reads what was sent, ``grammar`` says what it is.

In: a marking code as a scanner gave it. Out: the code that is printed, with every change told.

Nothing here changes a code in silence: a reading tells every change, and what can be read in two ways is
refused with the setting of the scanner that mends it. docs/reference/marking-codes.md shows both as a table.
"""
