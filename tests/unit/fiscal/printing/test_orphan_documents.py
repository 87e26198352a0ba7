"""Which of the documents that were read back may be a receipt."""

import pytest
from tests.support.documents import FN
from tests.support.receipts import a_sale

from kkt_adapter.fiscal.model import Unread
from kkt_adapter.fiscal.store.orphan_documents import OrphanDocument, OrphanDocuments, asked_again

KEY = "ABCDEFGHIJKLMNOP"
SUM = a_sale().total_kop
BEFORE, AFTER = 6, 7  # numbers of receipts that were accepted before and after it was read back


@pytest.mark.parametrize(
    ("key", "unread", "old", "before", "after"),
    [
        (KEY, None, False, True, True),  # its key says so, whenever the till asks
        ("OTHERSABCDEFGHIJ", None, False, False, False),
        (None, None, False, False, False),  # no key: nobody's whose receipts carry one
        (None, Unread.TAGS, False, True, True),  # nobody knows
        (None, Unread.KOPECKS, False, True, True),
        (None, Unread.TAGS, True, True, False),  # of last year: no till asks for it again
        (None, Unread.KOPECKS, True, True, False),
    ],
)
def test_a_receipt_with_a_key(
    key: str | None, unread: Unread | None, old: bool, before: bool, after: bool
) -> None:
    found = _documents(key=key, unread=unread, old=old)
    receipt = a_sale(key=KEY)
    assert [bool(found.matching(receipt, seq)) for seq in (BEFORE, AFTER)] == [before, after]


@pytest.mark.parametrize("unread", [None, *Unread])
def test_a_receipt_without_a_key_is_the_older_of_the_two(unread: Unread | None) -> None:
    found = _documents(key=None, unread=unread)
    assert [bool(found.matching(a_sale(key=None), seq)) for seq in (BEFORE, AFTER)] == [True, False]


@pytest.mark.parametrize(("total_kop", "tags", "kopecks"), [(100, False, False), (10_050, False, True)])
def test_a_sum_is_compared_as_far_as_it_is_known(total_kop: int, tags: bool, kopecks: bool) -> None:
    receipt = a_sale(key=KEY, total_kop=total_kop)
    fits = [bool(_documents(key=None, unread=one).matching(receipt, BEFORE)) for one in Unread]
    assert fits == [tags, kopecks]


def test_what_is_learned_later_counts() -> None:
    found = _documents(key=None, unread=Unread.TAGS)
    found.learn(11, "OTHERSABCDEFGHIJ")
    assert not found.matching(a_sale(key=KEY), BEFORE)
    found.learn(11, KEY)
    assert found.matching(a_sale(key=KEY), AFTER)


@pytest.mark.parametrize(
    ("key", "unread", "wanted", "holder"),
    [
        (KEY, None, KEY, "K2"),
        ("OTHERSABCDEFGHIJ", None, KEY, None),
        (None, Unread.TAGS, KEY, "K2"),  # a person is asked there
        (None, Unread.KOPECKS, KEY, "K2"),
        (None, None, KEY, None),
        (None, None, None, None),  # it is accepted after the reading: a new sale
        (None, Unread.TAGS, None, None),
    ],
)
def test_a_group_asks_the_register_that_may_have_it_already(
    key: str | None, unread: Unread | None, wanted: str | None, holder: str | None
) -> None:
    found = [("K1", _document(key="OTHERSABCDEFGHIJ")), ("K2", _document(key=key, unread=unread))]
    assert asked_again(found, a_sale(key=wanted)) == holder


def test_a_key_that_is_read_goes_before_one_that_is_not() -> None:
    found = [("K1", _document(key=None, unread=Unread.TAGS)), ("K2", _document(key=KEY))]
    assert asked_again(found, a_sale(key=KEY)) == "K2"
    assert asked_again(found, a_sale(key="NEWABCDEFGHIJKLM")) == "K1"


def _documents(*, key: str | None, unread: Unread | None, old: bool = False) -> OrphanDocuments:
    return OrphanDocuments([_document(key=key, unread=unread, old=old)])


def _document(*, key: str | None, unread: Unread | None = None, old: bool = False) -> OrphanDocument:
    return OrphanDocument(
        fn_number=FN,
        fd_number=11,
        key=key,
        total_kop=SUM,
        accepted_before=AFTER,
        unread=unread,
        old=old,
    )
