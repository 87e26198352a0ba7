"""A window knows what a number was a span ago, and never keeps more than it needs."""

from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.kernel.window import Window


def test_the_span_begins_with_the_youngest_sample_that_is_old_enough() -> None:
    window = Window[int](span_s=60, step_s=10)
    for second in range(0, 200, 5):
        window.add(second, second)
    assert window.begin() == (130, 130)  # 195 - 60 = 135; 140 is too young


def test_while_the_span_is_not_full_it_begins_with_the_first_sample() -> None:
    window = Window[str](span_s=60, step_s=10)
    assert window.begin() is None
    window.add(5, "first")
    window.add(30, "later")
    assert window.begin() == (5, "first")


def test_after_a_long_silence_the_last_sample_before_it_is_the_beginning() -> None:
    window = Window[int](span_s=60, step_s=10)
    window.add(0, 1)
    window.add(1000, 2)
    assert window.begin() == (0, 1)
    window.add(1060, 3)
    assert window.begin() == (1000, 2)


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=300))
def test_it_is_bounded_by_span_and_step(gaps: list[float]) -> None:
    window = Window[None](span_s=60, step_s=10)
    now = 0.0
    for gap in gaps:
        now += gap
        window.add(now, None)
    assert len(window) <= 60 / 10 + 2
