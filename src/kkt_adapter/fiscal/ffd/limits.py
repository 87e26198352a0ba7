"""Upper bounds that every register and every place on the wire can hold.

A receipt is accepted before it is known what will print it, so the narrowest known device decides.
"""

from typing import Final

MAX_SUM_KOP: Final = 2**40 - 1
"""Kopecks. Tags 1020, 1043 and 1079 take 6 bytes, but Shtrih-M commands take 5."""

MAX_QUANTITY: Final = 2**48 - 1
"""Millionths. Tag 1023 takes 7 bytes of number; Shtrih-M command FF46 takes 6."""

MAX_DOCUMENT_BYTES: Final = 32_768
"""The whole fiscal document with its four byte header: the FN takes no larger one."""
