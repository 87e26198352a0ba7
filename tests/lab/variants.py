"""Broken variants: the product with one of its safeguards taken out, to prove that the lab would notice.

They exist only in the processes that ``variant_nodes`` forks; the product contains none of them. Each says
under which faults it must fail and what the lab must say of it, so that a short run is enough. Those that the
lab tells apart by what it says may run together (``run``): all of their safeguards are out at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tests.lab.broken import database, delivery, intake, people, printing
from tests.lab.broken.patching import forget_the_fn

from kkt_adapter.lab.reconcile import FindingKind

KILLED_AT = "process killed at a named point"
FROZEN_AT = "process frozen at a named point"
DEVICE_LOST = "device answer lost after fiscalising"
SHTRIH_LOST = "Shtrih-M: answer to the closing lost"
DISK_FULL = "disk full"
OPERATOR_DOWN = "operator down"
QUESTION = "person decides a question"
CLOCK_JUMP = "clock jump"
DATABASE_LOST = "database lost"
DATABASE_REPLACED = "database replaced by an older copy"
LOG_STALLED = "log that nobody reads"
OPERATOR_OBJECTS = "operator finds fault with a document"
OBJECTS_AND_DIES = "operator finds fault, and the process is killed"
ONE_REFUSED = "operator refuses one document of a backlog"
LETTER_RESOLVED = "dead letter resolved and refunded"
BUFFER_FULL = "buffer full"
FOREIGN_SESSION = "report for another session"
MAINTENANCE = "maintenance"
WAITS_WITHOUT_KEY = "older copy in which a receipt without a key waits"
WAITS_IN_GROUP = "older copy in which a group's receipt waits"
ODD_TILL = "demo till with an odd name"
HUNG_UP = "process told that its terminal hung up"

OPERATOR, TILLS = "operator", "tills"  # names of runs of several variants


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """``build`` takes the safeguard out of this process."""

    what: str
    build: Callable[[], None]
    caught_as: FindingKind
    faults: frozenset[str]  # kinds under which it fails
    says: str = ""  # a regular expression that one such finding must match
    points: Sequence[str] = ()  # named points under which it fails; empty: any
    nodes: int = 1
    devices: tuple[str, ...] = ()  # brands of registers that it needs
    registers: int = 3  # virtual ones; three have one for each way to the operator
    doors: bool = False  # the registers are a group, and shops sell through the doors
    demo: bool = False
    count: int = 2  # of faults
    run: str = ""  # shared with others of that name; those need the default of everything else


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "print-before-intent": Variant(
            what="the attempt row is written after the print",
            build=printing.print_before_intent,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({KILLED_AT}),
            points=("fn.append:after", "register.fiscalize:after"),
            count=4,
        ),
        "blind-recovery": Variant(
            what="recovery prints again without asking the FN",
            build=printing.blind_recovery,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({DEVICE_LOST}),
            count=4,
        ),
        "lost-means-unsent": Variant(
            what="a lost answer of the device is taken for a command that was not sent",
            build=printing.lost_means_unsent,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({DEVICE_LOST}),
            count=4,
        ),
        "key-apart": Variant(
            what="the Idempotency-Key is stored after its receipt, in a transaction of its own",
            build=intake.key_apart,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({KILLED_AT}),
            points=("intake.key_apart:before", "intake.key_apart:inside"),
            count=4,
        ),
        "answer-before-commit": Variant(
            what="the client is answered before the receipt is on disk",
            build=intake.answer_before_commit,
            caught_as=FindingKind.LOST,
            faults=frozenset({KILLED_AT}),
            points=("answer:after",),
            count=4,
        ),
        "failed-commit-is-fine": Variant(
            what="a failed commit is answered like one that reached the disk",
            build=intake.failed_commit_is_fine,
            caught_as=FindingKind.LOST,
            faults=frozenset({DISK_FULL}),
            count=4,
        ),
        "register-without-fence": Variant(
            what="the register takes commands of a holder whose lease is over",
            build=printing.register_without_fence,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({FROZEN_AT}),
            points=("register.fiscalize:before",),
            nodes=2,
            count=4,
        ),
        "silence-means-unsent": Variant(
            what="a broken line to a Shtrih-M register is taken for a command that was not sent",
            build=printing.silence_means_unsent,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({SHTRIH_LOST}),
            devices=("shtrih",),
            count=4,
        ),
        "decision-overruled": Variant(
            what="what a person decided is overruled by a document that looks alike",
            build=people.decision_overruled,
            caught_as=FindingKind.LOST,
            faults=frozenset({QUESTION}),
            count=4,
        ),
        "clock-believed": Variant(
            what="old receipts are deleted on the word of the wall clock",
            build=database.clock_believed,
            caught_as=FindingKind.LOST,
            faults=frozenset({CLOCK_JUMP}),
            count=12,
        ),
        "vanished-is-new": Variant(
            what="a start without its database makes a new one",
            build=database.vanished_is_new,
            caught_as=FindingKind.WRONG,
            says="came up without its database",
            faults=frozenset({DATABASE_LOST}),
            count=1,
        ),
        "restored-unread": Variant(
            what="a start from an older copy does not read the FN back",
            build=forget_the_fn,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({DATABASE_REPLACED}),
        ),
        "dated-evidence": Variant(
            what="a document without a key counts as nobody's when the clock says that it is old",
            build=database.dated_evidence,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({WAITS_WITHOUT_KEY}),
        ),
        "siblings-unread": Variant(
            what="a receipt of a group is printed without a look at the group's other registers",
            build=database.siblings_unread,
            caught_as=FindingKind.DOUBLED,
            faults=frozenset({WAITS_IN_GROUP}),
            registers=2,
            doors=True,
        ),
        "dead-claims-delivered": Variant(
            what="what a process that was killed was sending counts as delivered",
            build=delivery.dead_claims_delivered,
            caught_as=FindingKind.LOST,
            says="is synced, and the operator has not got it",
            faults=frozenset({KILLED_AT}),
            points=("operator.post:before",),
        ),
        "alarm-after-fn": Variant(
            what="what the operator objects to is told after the FN has its answer",
            build=delivery.alarm_after_fn,
            caught_as=FindingKind.WRONG,
            says="with code .* and nobody was told",
            faults=frozenset({OBJECTS_AND_DIES}),
            count=6,  # the answer that the FN takes may be an earlier one, without a fault
        ),
        "sent-is-delivered": Variant(
            what="a receipt that was sent without an answer is called delivered",
            build=delivery.sent_is_delivered,
            caught_as=FindingKind.LOST,
            says="is synced, and the operator has not got it",
            faults=frozenset({OPERATOR_DOWN}),
            run=OPERATOR,
        ),
        "resolved-for-nothing": Variant(
            what="a sale whose dead letter a person has closed can never be refunded",
            build=delivery.resolved_for_nothing,
            caught_as=FindingKind.WRONG,
            says="is settled by a person, and its refund",
            faults=frozenset({LETTER_RESOLVED}),
            run=OPERATOR,
        ),
        "block-called-delivered": Variant(
            what="a whole block of documents is called delivered when one of them was refused",
            build=delivery.block_called_delivered,
            caught_as=FindingKind.WRONG,
            says="is called delivered, document",
            faults=frozenset({ONE_REFUSED}),
            run=OPERATOR,
        ),
        "overfilled": Variant(
            what="the receipts in the buffer are counted once and not for each receipt",
            build=intake.overfilled,
            caught_as=FindingKind.WRONG,
            says="undelivered receipts, and may hold",
            faults=frozenset({BUFFER_FULL}),
            run=OPERATOR,
        ),
        "refused-is-told": Variant(
            what="a webhook's message about an alert that nobody took counts as told",
            build=delivery.refused_is_told,
            caught_as=FindingKind.WRONG,
            says="counts as told, and nobody heard it",
            faults=frozenset({OPERATOR_OBJECTS}),
            run=OPERATOR,
        ),
        "operator-told-otherwise": Variant(
            what="the operator's HTTP profile is sent other lines than were printed",
            build=delivery.operator_told_otherwise,
            caught_as=FindingKind.WRONG,
            says="the operator got .* the FN made",
            faults=frozenset({OPERATOR_DOWN}),
            run=TILLS,
        ),
        "alarm-untold": Variant(
            what="nobody is told that the operator finds fault with a document that it took",
            build=delivery.alarm_untold,
            caught_as=FindingKind.WRONG,
            says="with code .* and nobody was told",
            faults=frozenset({OPERATOR_OBJECTS}),
            run=TILLS,
        ),
        "full-forgets-keys": Variant(
            what="a full buffer refuses a receipt that it has",
            build=intake.full_forgets_keys,
            caught_as=FindingKind.WRONG,
            says="is stored, and its till hears that the buffer is full",
            faults=frozenset({BUFFER_FULL}),
            run=TILLS,
        ),
        "session-ignored": Variant(
            what="a report is made for whatever session is open",
            build=people.session_ignored,
            caught_as=FindingKind.WRONG,
            says="for another session was made",
            faults=frozenset({FOREIGN_SESSION}),
            run=TILLS,
        ),
        "always-healthy": Variant(
            what="health says that all is well while receipts are refused",
            build=people.always_healthy,
            caught_as=FindingKind.WRONG,
            says="says that it is healthy while maintenance",
            faults=frozenset({MAINTENANCE}),
            run=TILLS,
        ),
        "odd-name-shortened": Variant(
            what="the file of a virtual register is named after the plain letters of its till alone",
            build=printing.odd_name_shortened,
            caught_as=FindingKind.LOST,
            says="called printed .* and no FN has it",
            faults=frozenset({ODD_TILL}),
            run=TILLS,
        ),
        "hang-up-ends": Variant(
            what="a terminal that hangs up ends the service",
            build=people.hang_up_ends,
            caught_as=FindingKind.WRONG,
            says="did not outlive a hang-up",
            faults=frozenset({HUNG_UP}),
            run=TILLS,
        ),
        "log-waits": Variant(
            what="whoever logs waits for the reader of the log",
            build=people.log_waits,
            caught_as=FindingKind.WRONG,
            says="does not answer while nobody reads its log",
            faults=frozenset({LOG_STALLED}),
            run=TILLS,
        ),
    }
)


def runs() -> Mapping[str, Sequence[str]]:
    """The names of the variants of each run, by the run's name."""
    found: dict[str, list[str]] = {}
    for name, variant in VARIANTS.items():
        found.setdefault(variant.run or name, []).append(name)
    return found
