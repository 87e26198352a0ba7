"""The path of KkmServer's commands: ``/Execute``, ``/Execute/sync``, ``/Execute/async``."""

import re
from typing import Final

PATH: Final = re.compile(r"/+execute(?:/+(?P<way>sync|async))?/*\Z", re.IGNORECASE)
NAME: Final = "kkmserver"


def serves(path: str) -> bool:
    """Any letter case; doubled and trailing slashes are those of real clients."""
    return PATH.match(path) is not None
