import itertools

from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.emulators.ofd.ledger import Arrival, DriveLedger, NumberRuns

numbers = st.integers(1, 60)


def receive(ledger: DriveLedger, number: int, *, digest: int = 7, consecutive: bool = True) -> Arrival:
    return ledger.receive(number, digest=digest, code=3, consecutive=consecutive)


@given(st.lists(numbers, unique=True))
def test_runs_hold_what_a_dictionary_would(order: list[int]):
    runs = NumberRuns()
    for number in order:
        runs.add(number, number * 1000)
    assert {n: runs.digest(n) for n in range(62)} == {n: n * 1000 if n in order else None for n in range(62)}
    spans = list(runs.runs())
    assert [n for first, last in spans for n in range(first, last + 1)] == sorted(order)
    assert all(next_first > last + 1 for (_, last), (next_first, _) in itertools.pairwise(spans))


@given(st.lists(numbers, unique=True, min_size=1))
def test_missing_numbers_are_those_between_the_first_and_the_highest(order: list[int]):
    ledger = DriveLedger()
    for number in order:
        receive(ledger, number)
    assert ledger.missing == max(order) - min(order) + 1 - len(order)


def test_documents_in_order_are_no_fault_wherever_they_start():
    ledger = DriveLedger()
    for number in (41, 42, 43):
        assert receive(ledger, number) is Arrival.NEW
        ledger.confirmed = number
    assert (ledger.unique, ledger.order_faults, ledger.missing) == (3, 0, 0)


def test_a_skipped_number_is_a_gap_and_late_when_it_comes_at_last():
    ledger = DriveLedger()
    for number in (1, 3, 2):
        receive(ledger, number)
        ledger.confirmed = max(ledger.confirmed, number)
    assert (ledger.gaps, ledger.late, ledger.missing) == (1, 1, 0)


def test_a_document_before_its_predecessor_is_confirmed_is_a_gap():
    ledger = DriveLedger()
    receive(ledger, 1)  # and no good answer went out
    receive(ledger, 2)
    assert ledger.gaps == 1


def test_where_not_every_number_is_expected_only_going_back_is_a_fault():
    ledger = DriveLedger()
    for number in (2, 5, 9, 7):
        receive(ledger, number, consecutive=False)
    assert (ledger.gaps, ledger.late) == (0, 1)


def test_another_document_under_a_taken_number_is_a_conflict_not_a_repetition():
    ledger = DriveLedger()
    receive(ledger, 1, digest=7)
    assert receive(ledger, 1, digest=7) is Arrival.REPEATED
    assert receive(ledger, 1, digest=8) is Arrival.CONFLICT
    assert (ledger.unique, ledger.repeated, ledger.conflicts) == (1, 1, 1)


def test_negative_digests_are_digests_too():
    ledger = DriveLedger()
    receive(ledger, 1, digest=-1)
    assert receive(ledger, 1, digest=-1) is Arrival.REPEATED
