"""Whatever order losses, other programs' documents, restores and decisions come in: no receipt gets a
document by itself that is not its own, none is printed once more without a person's word, and a word is
carried out.

Every sale has the same sum and no key in its document, so that the service cannot tell them apart. The test
can: each has a line with a name of its own, which stands in the bytes that the FN keeps.
"""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from tests.integration.fiscal.printing.test_decisions import copy, decide, put_back
from tests.support.api import Json
from tests.support.product import TILL, Product, sale
from tests.support.registers.doubt import KOP, a_shop, asked, attempt_open
from tests.support.registers.foreign import foreign_document

from kkt_adapter.fiscal.kkt.virtual import fn_path
from kkt_adapter.fiscal.store import counters
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.ids import RegisterId


@dataclass
class Copy:
    path: Path
    adopted: dict[str, int]


@dataclass
class Truth:
    """What a person who sees everything knows."""

    names: dict[str, str] = field(default_factory=dict)  # receipt id -> the name in its document
    again: Counter[str] = field(default_factory=Counter)  # allowed prints beyond the first, by name
    adopted: dict[str, int] = field(default_factory=dict)  # receipt id -> document, by a person's word
    copy: Copy | None = None


class Decisions(RuleBasedStateMachine):
    @initialize()
    def open_shop(self) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.shop: Product = self.runner.run(self.stack.enter_async_context(a_shop(folder)))
        self.truth = Truth()
        self.run(self.sell(1))

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        if not hasattr(self, "shop"):
            return
        try:
            self.run(self.answer_everything())
            self.check()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    @rule(n=st.integers(1, 2))
    def sales(self, n: int) -> None:
        self.run(self.sell(n))

    @precondition(lambda self: not self.question())
    @rule(foreign=st.sampled_from([0, 2]), made=st.booleans())
    def a_command_is_lost(self, foreign: int, made: bool) -> None:
        self.run(self.lose(foreign, made=made))

    @precondition(lambda self: not self.question())
    @rule()
    def a_sale_waits_while_another_program_sells(self) -> None:
        self.run(self.wait_beside_another_program())

    @precondition(lambda self: self.question())
    @rule()
    def documents_come_in(self) -> None:
        self.run(foreign_document(self.shop))

    @rule()
    def a_copy_is_made(self) -> None:
        self.truth.copy = Copy(copy(self.shop), dict(self.truth.adopted))

    @precondition(lambda self: self.truth.copy is not None)
    @rule()
    def the_copy_is_put_back(self) -> None:
        self.run(self.restore())

    @rule()
    def a_restart(self) -> None:
        self.run(self.restart())

    @precondition(lambda self: self.question())
    @rule(rightly=st.booleans())
    def a_person_decides(self, rightly: bool) -> None:
        self.run(self.answer(rightly=rightly))

    def question(self) -> bool:
        return self.shop.lane().recovery.question is not None

    async def sell(self, n: int) -> None:
        for _ in range(n):
            await self.post_one()
        await self.rest()

    async def post_one(self) -> None:
        name = f"line-{len(self.truth.names) + 1};"
        answer = (await self.shop.post(sale(kop=KOP, name=name))).json()
        self.truth.names[answer["receipt_id"]] = name

    async def lose(self, foreign: int, *, made: bool) -> None:
        shop = self.shop
        await self.sell(1)  # the next one goes to the device without a look before it
        shop.break_register(hang=True)
        posting = asyncio.create_task(self.sell(1))
        await shop.until(partial(attempt_open, shop))
        for _ in range(foreign):
            await foreign_document(shop)
        shop.break_register(**{"timeout_after" if made else "timeout_before": 1})
        await posting
        await self.rest()

    async def wait_beside_another_program(self) -> None:
        """The service learns of that document with its next start, while the sale still waits."""
        await self.sell(1)
        self.shop.break_register(paper_out=True)
        await self.post_one()
        await foreign_document(self.shop)
        await self.restart()

    async def restore(self) -> None:
        assert self.truth.copy is not None
        await put_back(self.shop, self.truth.copy.path)
        self.truth.adopted = dict(self.truth.copy.adopted)
        await self.rest()

    async def restart(self) -> None:
        await self.shop.restart()
        await self.rest()

    async def answer(self, *, rightly: bool) -> None:
        """Decide what is asked, by the truth or against it, and see that it is done."""
        question: Json = await self.shop.until(partial(asked, self.shop))
        receipt_id, name = question["receipt_id"], self.truth.names[question["receipt_id"]]
        made = self.made()
        own = [n for n, names in made.items() if names == name]
        offered = [d["fd_number"] for d in question["documents"]]
        wrong = [n for n in offered if n not in own]
        adopt = [n for n in own if n in offered] if rightly or not own else []
        if not rightly and wrong and not adopt:
            adopt = wrong[:1]
        if adopt:
            answer = await decide(self.shop, receipt_id, "adopt", fiscal_doc_number=adopt[0])
            if answer.status_code == 409:  # another receipt's, or documents came in since: asked anew
                return None
            assert answer.status_code == 200, answer.text
            self.truth.adopted[receipt_id] = adopt[0]
            if made[adopt[0]] != name:  # its owner finds nothing and is printed once more
                self.truth.again[made[adopt[0]]] += 1
            return await self.rest()
        answer = await decide(self.shop, receipt_id)
        if answer.status_code == 409:
            return None
        assert answer.status_code == 200, answer.text
        self.truth.again[name] += len(own) and 1
        row = await self.shop.state_of(receipt_id, print_state="printed")
        number = row["fiscal_doc"]["fiscal_doc_number"]
        assert number not in made, "a document that was there when a person said: print it again"
        assert self.made()[number] == name
        return await self.rest()

    async def answer_everything(self) -> None:
        for _ in range(50):
            await self.rest()
            if not self.question():
                return
            await self.answer(rightly=True)
        raise AssertionError("questions without end")

    async def rest(self) -> None:
        """Until the lane asks a person or has nothing to do."""

        async def still() -> bool:
            if self.question():
                return True
            waiting = (await self.shop.read(counters.read)).unprinted
            return waiting == 0 and not await attempt_open(self.shop)

        await self.shop.until(still)

    def made(self) -> dict[int, str]:
        """Every receipt's document in the FN: its number, and the name that stands in it."""
        path = fn_path(self.shop.settings.fn_dir, RegisterId(TILL))
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60) as raw:
            rows = raw.execute("SELECT fd_number, message FROM documents").fetchall()
        raw.close()
        names = self.truth.names.values()
        receipts = {d.fd_number for d in self.shop.archive() if d.total_kop is not None}
        return {
            number: next((name for name in names if name.encode("cp866") in bytes(message)), "")
            for number, message in rows
            if number in receipts
        }

    @invariant()
    def check(self) -> None:
        if not hasattr(self, "shop"):
            return
        made = self.made()
        for name, times in Counter(made.values()).items():
            if name:
                assert times <= 1 + self.truth.again[name], f"{name} was printed {times} times"
        rows = self.run(self.rows())
        for receipt_id, state, number in rows:
            if state == "printed":
                named = self.truth.adopted.get(receipt_id) == number
                assert named or made[number] == self.truth.names[receipt_id], "not its own document"
        numbers = [number for _, state, number in rows if state == "printed"]
        assert len(numbers) == len(set(numbers))

    async def rows(self) -> list[tuple[str, str, int]]:
        query = select(receipts.c.id, receipts.c.print_state, receipts.c.fiscal_doc_number)
        found: list[tuple[str, str, int]] = await self.shop.read(
            lambda c: [tuple(row) for row in c.execute(query)]
        )
        return found


TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(
    max_examples=4,
    stateful_step_count=7,
    deadline=None,
    derandomize=True,
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # each example takes seconds: the first failure is shown as it is
    suppress_health_check=list(HealthCheck),
)
