"""One row of the fault matrix: a fault under load, what the design says happens, and whether it did."""

import dataclasses
import threading
import time

import invariants
from clients import Load
from history import History, summary

# Before, and after the fault's end: the recovery may take five seconds of these.
CALM, AFTER = 2.0, 7.0
# The longest that a node may take for any answer: a hash queue, two waits for the database and a commit.
DEADLINE = 5.0
# A revocation reaches every node that reaches a store.
BOUND = 2.0


# What a client may be told at any time: 429 is a limit at work; a ghost of an ended session is refused.
ALWAYS = {"login": {200, 429}, "refresh": {200, 401, 429}, "verify": {200, 401}, "logout": {204, 401}}
# Where the authority is away, changes are 503 and nothing else: a refresh is not consumed, nobody is logged out. Verify
# goes on.
AWAY = {kind: told if kind == "verify" else told | {503} for kind, told in ALWAYS.items()}


@dataclasses.dataclass
class Expectation:
    """What the row says. Statuses are those of requests that began during the fault."""

    # {kind: statuses that may be seen}
    during: dict = dataclasses.field(default_factory=lambda: ALWAYS)
    # Whether some change must be answered 503, so that the fault is known to have been one.
    is_felt: bool = False
    bound: float = BOUND
    # Names of targets that cannot answer meanwhile.
    silent: frozenset = frozenset()
    recovery: float = 5.0
    # Whether connections may be refused or reset meanwhile, at those that are silent.
    statuses_never: frozenset = frozenset()


@dataclasses.dataclass
class Row:
    name: str
    expectation: Expectation
    # Called with the fleet and the history; `begin` may return what `end` gets.
    begin: object
    end: object
    seconds: float = 4.0
    # Brings back what a later row needs, after the load; may be None.
    restore: object = None
    quick: bool = False
    # Targets for the load; all nodes when None.
    targets: object = None


@dataclasses.dataclass
class Outcome:
    row: Row
    breaches: list
    requests: int
    worst: float
    recovery: float
    seen: dict
    history: History

    @property
    def is_good(self):
        return not self.breaches


def run(row, fleet, clients):
    history = History()
    waiting = threading.Event()
    footprints = {node.name: node.footprint() for node in fleet.nodes}
    with Load(history, row.targets(fleet) if row.targets else fleet.targets, clients):
        waiting.wait(CALM)
        fault_begin = history.mark(f"{row.name} begins")
        held = row.begin(fleet, history)
        waiting.wait(row.seconds)
        row.end(fleet, history, held)
        fault_end = history.mark(f"{row.name} ends")
        waiting.wait(AFTER)
    if row.restore:
        row.restore(fleet)
    return judge(row, fleet, history, (fault_begin, fault_end), footprints)


def judge(row, fleet, history, fault, footprints):
    operations, expectation = history.taken(), row.expectation
    begin, end = fault

    def unreachable(each):
        return each.node in expectation.silent and each.end > begin and each.begin < end + 1

    breaches = invariants.one_successor(operations)
    breaches += invariants.revoked_stays_revoked(operations, expectation.bound)
    breaches += invariants.nobody_signed_out(operations)
    breaches += invariants.answers_are_ones_own(operations)
    breaches += invariants.committed(operations, fleet.sessions())
    breaches += invariants.says_when_to_retry(operations)
    recovery, late = invariants.recovers(operations, end, expectation.recovery)
    breaches += late
    breaches += invariants.bounded(operations, DEADLINE, unreachable)
    breaches += during(expectation, [each for each in operations if begin <= each.begin < end], unreachable)
    breaches += calm([each for each in operations if each.end < begin])
    if expectation.statuses_never:
        breaches += invariants.never(operations, expectation.statuses_never, "an answer that this row rules out")
    breaches += unharmed(fleet, footprints)
    answered = [each.seconds for each in operations if not unreachable(each)]
    meanwhile = [each for each in operations if begin <= each.begin < end]
    return Outcome(
        row, breaches, len(operations), max(answered, default=0.0), recovery, summary(meanwhile), history)


def during(expectation, operations, unreachable):
    """Only what the row allows is seen, and what it says must be seen is."""
    breaches = []
    for kind, allowed in expectation.during.items():
        wrong = [
            each for each in operations if each.kind == kind and each.status not in allowed and not unreachable(each)]
        if wrong:
            told = sorted({str(each.status or each.failure) for each in wrong})
            breaches.append(invariants.Breach("section 8", f"{kind} was answered {', '.join(told)} meanwhile", wrong))
    if expectation.is_felt and not any(each.kind != "verify" and each.status == 503 for each in operations):
        breaches.append(invariants.Breach("section 8", "no change was answered 503: was there a fault?", []))
    return breaches


def calm(operations):
    """Before the fault everything is answered; else the row shows nothing."""
    wrong = [each for each in operations if each.status == 0 or each.status >= 500]
    return [invariants.Breach("calm", f"{len(wrong)} failures before the fault", wrong)] if wrong else []


def unharmed(fleet, before):
    """I7: no node ended; memory and descriptors return to what they were."""
    breaches, deadline, waiting = [], time.monotonic() + 10, threading.Event()
    for node in fleet.nodes:
        if node.process.poll() is not None:
            breaches.append(invariants.Breach("I7", f"{node.name} ended with {node.process.returncode}", []))
            continue
        kilobytes, descriptors = before[node.name]
        now = node.footprint()
        while now[1] > descriptors + 8 and time.monotonic() < deadline:
            waiting.wait(0.2)
            now = node.footprint()
        if now[1] > descriptors + 8:
            breaches.append(invariants.Breach("I7", f"{node.name} has {now[1]} descriptors, {descriptors} before", []))
        # Buffers and caches fill in the first rows.
        if now[0] > kilobytes * 1.5 + 65536:
            breaches.append(invariants.Breach("I7", f"{node.name} has {now[0]} kB, {kilobytes} before", []))
    return breaches
