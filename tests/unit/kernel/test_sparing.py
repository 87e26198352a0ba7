"""The work of many registers is done again only after a pause that grows with what it costs."""

from kkt_adapter.kernel.sparing import MANY, Sparing


class Worked:
    def __init__(self, costs_s: float, *, registers: int = MANY) -> None:
        self.costs_s = costs_s
        self.done = 0
        self.now = self.spent = 100.0
        self.sparing = Sparing(
            self.work, registers=lambda: registers, now=lambda: self.now, spent=lambda: self.spent
        )

    def work(self) -> int:
        self.done += 1
        self.spent += self.costs_s
        return self.done


def test_the_work_of_few_is_done_each_time() -> None:
    worked = Worked(1.0, registers=MANY - 1)
    assert [worked.sparing() for _ in range(3)] == [1, 2, 3]


def test_the_work_of_many_takes_a_thirtieth_of_the_time() -> None:
    worked = Worked(0.004)
    assert [worked.sparing() for _ in range(3)] == [1, 1, 1]
    worked.now += 0.119
    assert worked.sparing() == 1
    worked.now += 0.002
    assert worked.sparing() == 2


def test_an_outcome_is_kept_for_a_quarter_of_a_second_at_most() -> None:
    worked = Worked(1.0)
    worked.sparing()
    worked.now += 0.249
    assert worked.sparing() == 1
    worked.now += 0.002
    assert worked.sparing() == 2
