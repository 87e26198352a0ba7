"""Conditional reads (RFC 9110, 13.1.2): has the caller the present answer already?"""

import re

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def matches(if_none_match: str | None, etag: str) -> bool:
    """True when the header names this (quoted) tag, in a list too, weak or not, or is ``*``."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return etag.removeprefix("W/") in _TAG.findall(if_none_match)
