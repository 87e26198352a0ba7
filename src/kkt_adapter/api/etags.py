"""Conditional reads (RFC 9110, 13.1.2): has the caller the present answer already?"""

import re

ANYTHING = "*"  # as If-None-Match: whatever there is; it takes a good answer to know that there is something

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def matches(if_none_match: str | None, etag: str) -> bool:
    """True when the header names this (quoted) tag, in a list too, weak or not."""
    return if_none_match is not None and etag.removeprefix("W/") in _TAG.findall(if_none_match)


def is_anything(if_none_match: str | None) -> bool:
    """True for ``*``: 304 where the answer would be 2xx, and the refusal where it would be one."""
    return if_none_match is not None and if_none_match.strip() == ANYTHING
