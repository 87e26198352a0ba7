"""A look at a software FN: its numbers, and the contents of its documents."""

from tests.support.registers.kkt import an_answer

from kkt_adapter.fiscal.ffd.tlv import Element, decode, first
from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.kkt.virtual import VirtualFn
from kkt_adapter.fiscal.ofd.frame import parse_message


def status(fn: VirtualFn) -> tuple[int, int, int]:
    seen = fn.status(condition=KktState.READY)
    return seen.fd_number, seen.shift_number, seen.receipts_in_shift


def waiting(fn: VirtualFn) -> Element:
    """The contents of the document that waits for the operator; it is confirmed with that."""
    message = fn.read_message()
    assert message is not None
    container = parse_message(message.raw).container
    assert container is not None
    document = first(decode(container.document), container.code)
    assert document is not None
    fn.accept_reply(an_answer(message))
    return document


def values(element: Element, *tags: int) -> dict[int, object]:
    return {tag: found.value for tag in tags if (found := element.child(tag)) is not None}
