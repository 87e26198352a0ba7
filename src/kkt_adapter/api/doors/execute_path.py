"""The path of KkmServer's commands: ``/Execute``, ``/Execute/sync``, ``/Execute/async``; what else stands
below is refused in the same form."""

import re
from typing import Final

PATH: Final = re.compile(r"/+execute(?:/+(?P<way>sync|async))?/*\Z", re.IGNORECASE)
NAME: Final = "kkmserver"
_BELOW = re.compile(r"/+execute(?:/|\Z)", re.IGNORECASE)


def serves(path: str) -> bool:
    """Any letter case; doubled and trailing slashes are those of real clients."""
    return _BELOW.match(path) is not None
