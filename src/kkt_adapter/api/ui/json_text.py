"""JSON laid out for people, digit for digit as it is sent."""

from collections.abc import Iterator

INDENT = "  "


def laid_out(compact: str) -> str:
    """Compact JSON with a member on each line; numbers and texts stay as they are written."""
    return "".join(_parts(compact))


def _parts(compact: str) -> Iterator[str]:
    depth, in_text, escaped, before = 0, False, False, ""
    for sign in compact:
        if in_text:
            in_text = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
            yield sign
        elif sign in "{[":
            depth += 1
            yield f"{_broken(before, depth - 1)}{sign}"
        elif sign in "}]":
            depth -= 1
            yield sign if before in "{[" and before else f"\n{INDENT * depth}{sign}"
        else:
            in_text = sign == '"'
            yield f"{_broken(before, depth)}{': ' if sign == ':' else sign}"
        before = sign


def _broken(before: str, depth: int) -> str:
    """What stands in front of a value: a new line after a bracket or a comma."""
    return f"\n{INDENT * depth}" if before and before in "{[," else ""
