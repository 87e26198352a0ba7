"""Texts for whoever asks over the network: without paths, addresses and what another server said of itself.

The log keeps the whole text; an answer says what happened and what to do.
"""

import re
from typing import Any, Final

from kkt_adapter.kernel.errors import StorageError, Text

_FILE: Final = "[...]"
_OURS = r"(?:v1|api|docs|ui|metrics|openapi\.json)\b"  # paths of our own interface are help, not a leak
_PLACES = re.compile(
    r"\b(?:tcp|serial|postgresql(?:\+\w+)?|sqlite|rediss?|https?|unix|file)://[^\s'\"»,;)]+"
    rf"|(?<![\w/.<])/(?!{_OURS})[^\s/'\"»,;:()]+(?:/[^\s/'\"»,;:()]+)+"  # a file of Unix
    r"|\b[A-Za-z]:\\[^\s'\"»,;)]+"  # and of Windows
    r"|(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?(?![\w.])"
    r"|\[[0-9a-fA-F:]{3,}\](?::[0-9]{1,5})?"
    r"|(?<![\w.-])(?=[A-Za-z0-9.-]*[A-Za-z])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*:[0-9]{2,5}(?!\w)"  # host:port
)
_DRIVER_WORDS = re.compile(r" ?\([^()]*(?:\([^()]*\)[^()]*)*\)")


def without_places(text: str) -> str:
    """The text with every path, address and host:port as ``[...]``."""
    return _PLACES.sub(_FILE, text)


def discreet(error: Exception, text: Text) -> Text:
    """What an error may tell a client. Of the database only our own words: what stands in brackets there is
    the driver's or the server's."""
    if isinstance(error, StorageError):
        text = Text(_DRIVER_WORDS.sub("", text.en), _DRIVER_WORDS.sub("", text.ru))
    return Text(without_places(text.en), without_places(text.ru))


def discreet_json(value: Any) -> Any:
    """A JSON value with all its texts ``without_places``."""
    match value:
        case str():
            return without_places(value)
        case dict():
            return {name: discreet_json(member) for name, member in value.items()}
        case list():
            return [discreet_json(member) for member in value]
        case _:
            return value
