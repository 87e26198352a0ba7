"""The lane's copy of rows: every receipt once and in order, whatever happens while rows are read."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from tests.support.receipts import a_sale

from kkt_adapter.fiscal.printing.job import PrintJob
from kkt_adapter.fiscal.printing.queue import QUEUE_LIMIT, PrintQueue
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.kernel.hlc import HybridTimestamp

RECEIPT = a_sale()


def job(seq: int, *, tries: int = 0, attempt_id: int | None = None) -> PrintJob:
    place = Place(stamp=HybridTimestamp(seq, 0), queue_position=1)
    return PrintJob(seq=seq, receipt=RECEIPT, place=place, warnings=(), tries=tries, attempt_id=attempt_id)


def read_queue(*seqs: int) -> PrintQueue:
    """A queue whose reading is over."""
    queue = PrintQueue()
    queue.fill(map(job, seqs), read_up_to=max(seqs, default=0), more=False, begun=queue.begin_reading())
    return queue


def drained(queue: PrintQueue) -> list[int]:
    found = []
    while (taken := queue.take()) is not None:
        found.append(taken.seq)
    return found


def test_a_new_queue_knows_that_it_knows_nothing() -> None:
    queue = PrintQueue()
    assert queue.behind
    assert len(queue) == 0
    assert queue.take() is None


def test_what_is_stored_after_the_reading_is_appended() -> None:
    queue = read_queue(1, 2)
    queue.add(job(3))
    assert not queue.behind
    assert drained(queue) == [1, 2, 3]


def test_a_receipt_announced_after_the_reading_that_found_it_stands_there_once() -> None:
    queue = read_queue(1, 2)
    queue.add(job(2))
    assert drained(queue) == [1, 2]


def test_a_receipt_stored_while_rows_are_read_is_read_once_more_and_not_twice() -> None:
    """The one that was printed twice: in the rows and announced, at the same time."""
    queue = PrintQueue()
    begun = queue.begin_reading()
    queue.add(job(2))
    queue.fill([job(1), job(2)], read_up_to=2, more=False, begun=begun)
    assert queue.behind, "what was stored meanwhile may not have been seen"
    assert drained(queue) == [1, 2]


def test_doubt_that_comes_while_rows_are_read_outlives_the_reading() -> None:
    queue = PrintQueue()
    begun = queue.begin_reading()
    queue.doubt()
    queue.fill([job(1)], read_up_to=1, more=False, begun=begun)
    assert queue.behind


def test_more_rows_behind_those_that_were_read_are_not_forgotten() -> None:
    queue = PrintQueue()
    queue.fill([job(1)], read_up_to=1, more=True, begun=queue.begin_reading())
    assert queue.behind


def test_beyond_its_limit_the_queue_relies_on_the_rows() -> None:
    queue = read_queue()
    for seq in range(1, QUEUE_LIMIT + 10):
        queue.add(job(seq))
    assert len(queue) == QUEUE_LIMIT
    assert queue.behind
    assert drained(queue) == list(range(1, QUEUE_LIMIT + 1))


def test_refused_receipts_go_first_the_oldest_first_and_once() -> None:
    queue = read_queue(5, 6)
    queue.add_refused([job(2, tries=1), job(3, tries=1)])
    queue.add_refused([job(3, tries=1)])
    assert drained(queue) == [2, 3, 5, 6]


def test_only_a_receipt_that_was_never_tried_shares_another_ones_commit() -> None:
    queue = read_queue(2)
    queue.add_refused([job(1, tries=1)])
    assert queue.take_fresh() is None
    assert queue.take() is not None
    fresh = queue.take_fresh()
    assert fresh is not None
    assert fresh.seq == 2
    assert queue.take_fresh() is None


@dataclass
class Rows:
    """The database and the intake as the queue meets them: rows are stored and announced some time later."""

    stored: list[int] = field(default_factory=list)
    unannounced: list[int] = field(default_factory=list)
    printed: list[int] = field(default_factory=list)
    reading: tuple[int, list[int]] | None = None  # the token, and the snapshot that the reader sees

    def waiting(self) -> list[int]:
        return [seq for seq in self.stored if seq not in self.printed]


@given(steps=st.lists(st.sampled_from(["store", "announce", "print", "begin", "snapshot", "end", "doubt"])))
def test_whatever_overlaps_every_receipt_is_printed_once_and_in_order(steps: list[str]) -> None:
    queue, rows = PrintQueue(), Rows()

    def begin() -> None:
        if rows.reading is None and queue.behind and not queue:
            rows.reading = (queue.begin_reading(), rows.waiting())

    def end() -> None:
        if rows.reading is not None:
            token, seen = rows.reading
            rows.reading = None
            queue.fill(map(job, seen), read_up_to=max(seen, default=0), more=False, begun=token)

    def print_one() -> None:
        if rows.reading is None and (taken := queue.take()) is not None:
            rows.printed.append(taken.seq)

    for step in steps:
        match step:
            case "store":
                rows.stored.append(len(rows.stored) + 1)
                rows.unannounced.append(rows.stored[-1])
            case "announce" if rows.unannounced:
                queue.add(job(rows.unannounced.pop(0)))
            case "begin":
                begin()
            case "snapshot" if rows.reading is not None:
                rows.reading = (rows.reading[0], rows.waiting())  # the reader looked a little later
            case "end":
                end()
            case "print":
                print_one()
            case "doubt":
                queue.doubt()
    end()
    while rows.unannounced:
        queue.add(job(rows.unannounced.pop(0)))
    while queue or queue.behind:
        begin()
        end()
        print_one()
    assert rows.printed == rows.stored


def test_a_refused_receipt_does_not_overtake_one_that_has_begun() -> None:
    """Its attempt names the FN's position: a document in between would make it impossible to prove absent."""
    queue = read_queue(5)
    queue.add_first(job(4, attempt_id=40))
    queue.add_refused([job(1, tries=1), job(2, tries=2)])
    assert queue.has_begun
    assert drained(queue) == [4, 1, 2, 5]


def test_a_receipt_that_has_begun_is_nobody_s_following_one() -> None:
    queue = read_queue(5)
    queue.add_first(job(4, attempt_id=40))
    assert queue.take_fresh() is None
    assert drained(queue) == [4, 5]
