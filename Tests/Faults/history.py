"""What clients did and what they were answered, in one log that the invariants are held against."""

import dataclasses
import hashlib
import itertools
import json
import threading
import time


def short(token):
    """A token as the log has it: enough to tell two apart, nothing to use."""
    return hashlib.sha256(token.encode()).hexdigest()[:16] if token else ""


@dataclasses.dataclass
class Operation:
    """One request. Times are seconds of one monotonic clock."""

    kind: str
    node: str
    client: str
    begin: float
    end: float
    # 0: no answer came. `failure` says how: refused, reset, timeout.
    status: int
    failure: str = ""
    session: str = ""
    # Of whom the answer speaks, and of whom it should.
    subject: str = ""
    expected_subject: str = ""
    # Refresh tokens, shortened: presented and received.
    presented: str = ""
    received: str = ""
    retry_after: bool = False
    # X-Revocation-Age in seconds, when the answer had one.
    age: float | None = None
    # In the order in which they ended.
    number: int = 0

    @property
    def seconds(self):
        return self.end - self.begin

    def line(self):
        return json.dumps({key: value for key, value in dataclasses.asdict(self).items() if value not in ("", None)})


class History:
    """Appended to by many threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.operations = []
        self.counter = itertools.count(1)
        # (moment, what happened): a fault began or ended.
        self.events = []

    def add(self, operation):
        operation.number = next(self.counter)
        with self.lock:
            self.operations.append(operation)
        return operation

    def mark(self, what):
        moment = time.monotonic()
        with self.lock:
            self.events.append((moment, what))
        return moment

    def taken(self):
        with self.lock:
            return sorted(self.operations, key=lambda operation: operation.begin)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            lines = [(operation.begin, operation.line()) for operation in self.taken()]
            lines += [(moment, json.dumps({"event": what, "at": moment})) for moment, what in self.events]
            file.writelines(line + "\n" for _, line in sorted(lines))


def summary(operations):
    """{kind: {status: count}}"""
    table = {}
    for operation in operations:
        row = table.setdefault(operation.kind, {})
        key = operation.status or operation.failure
        row[key] = row.get(key, 0) + 1
    return table
