"""Marking codes (коды маркировки): ``spelling`` reads what was sent, ``grammar`` says what it is.

Nothing here changes a code in silence: a reading tells every change, and what can be read in two ways is
refused with the setting of the scanner that mends it. docs/reference/marking-codes.md shows both as a table.
"""
