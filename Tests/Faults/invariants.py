"""The invariants I1-I8 as checks of a history. Each returns what broke it: sentences, and operations they are about."""

import collections
import dataclasses


@dataclasses.dataclass
class Breach:
    invariant: str
    sentence: str
    operations: list

    def __str__(self):
        return "\n    ".join([f"{self.invariant}: {self.sentence}", *(each.line() for each in self.operations[:6])])


def one_successor(operations):
    """I1: at most one successor per refresh token."""
    successors = collections.defaultdict(dict)
    for each in operations:
        if each.kind == "refresh" and each.status == 200:
            successors[each.presented].setdefault(each.received, each)
    return [
        Breach("I1", f"{presented} has {len(found)} successors", list(found.values()))
        for presented, found in successors.items() if len(found) > 1]


def revoked_stays_revoked(operations, bound=2.0):
    """I2: after a 2xx to a logout no refresh succeeds, and no verify that began later than `bound` seconds after it.

    An answer that says its age (X-Revocation-Age) may be as old as it says, up to a minute.
    """
    ended = {}
    for each in operations:
        if each.kind == "logout" and each.status == 204:
            ended[each.session] = min(each.end, ended.get(each.session, each.end))
    breaches = []
    for each in operations:
        if each.status != 200 or each.session not in ended:
            continue
        late = each.begin - ended[each.session]
        if each.kind == "refresh" and late > 0:
            breaches.append(Breach("I2", f"a refresh {late:.3f} s after its session's end", [each]))
        elif each.kind == "verify" and late > (bound if each.age is None else min(60.0, each.age + 1.0) + bound):
            breaches.append(Breach("I2", f"a verify {late:.3f} s after its session's end", [each]))
    return breaches


def comparisons_within_cap(comparisons, cap):
    """I3: comparisons with an account's stored hash <= cap. `comparisons` is {account: count}, as the servers count."""
    return [
        Breach("I3", f"{count} comparisons with the password of {account}, {cap} at most", [])
        for account, count in comparisons.items() if count > cap]


def nobody_signed_out(operations, grace=60.0):
    """I4: no client that repeats within the grace is signed out.

    A client presents the newest token it has. It is refused rightly when its session was ended, or when it repeats a
    token later than the grace after it presented it first.
    """
    ended = {}
    for each in operations:
        # Also a logout without an answer may have ended it.
        if each.kind in ("logout", "logout-all"):
            ended[each.session] = min(each.begin, ended.get(each.session, each.begin))
    first, breaches = {}, []
    for each in operations:
        if each.kind != "refresh":
            continue
        begin = first.setdefault(each.presented, each.begin)
        if each.status == 401 and each.end < ended.get(each.session, float("inf")) and each.end - begin < grace:
            breaches.append(Breach("I4", f"refused {each.end - begin:.3f} s after the first try", [each]))
    return breaches


def answers_are_ones_own(operations):
    """I5: no reply reaches the wrong request."""
    return [
        Breach("I5", f"an answer about {each.subject} to a request of {each.expected_subject}", [each])
        for each in operations
        if 200 <= each.status < 300 and each.expected_subject and each.subject
        and each.subject != each.expected_subject]


def committed(operations, alive):
    """I6: no 2xx without its commit. `alive` are the sessions that the database has in the end.

    A session that a login or refresh answered and that nobody ended is there; one whose logout was answered is not.
    """
    granted, ended, maybe_ended = {}, {}, set()
    for each in operations:
        if each.kind in ("login", "refresh") and each.status == 200:
            granted[each.session] = each
        elif each.kind == "logout":
            maybe_ended.add(each.session)
            if each.status == 204:
                ended[each.session] = each
    breaches = [
        Breach("I6", f"session {session} was granted and is not stored", [each])
        for session, each in granted.items() if session not in maybe_ended and session not in alive]
    return breaches + [
        Breach("I6", f"session {session} was ended and is still stored", [each])
        for session, each in ended.items() if session in alive]


def says_when_to_retry(operations):
    """I8, first half: every 503 has Retry-After."""
    return [
        Breach("I8", "a 503 without Retry-After", [each])
        for each in operations if each.status == 503 and not each.retry_after]


def recovers(operations, fault_end, limit=5.0, kinds=("login", "refresh", "verify", "logout")):
    """I8, second half: (seconds until nothing fails any more, breaches). What began `limit` s after the end succeeds.

    429 is an answer: the limits are at work.
    """
    last = 0.0
    late = []
    for each in operations:
        if each.kind not in kinds or each.begin < fault_end:
            continue
        if each.status == 0 or each.status >= 500:
            after = each.begin - fault_end
            last = max(last, after)
            if after > limit:
                late.append(each)
    return last, [Breach("I8", f"still failing {limit:.0f} s after the fault ended", late)] if late else []


def bounded(operations, limit, unreachable=lambda operation: False):
    """No request hangs past its deadline. `unreachable` names those whose node was stopped or killed meanwhile."""
    slow = [each for each in operations if each.seconds > limit and not unreachable(each)]
    return [Breach("deadline", f"{len(slow)} requests took longer than {limit:.0f} s", slow)] if slow else []


def never(operations, statuses, sentence):
    """For rows that promise the absence of an answer, such as no 5xx in a rolling restart."""
    found = [each for each in operations if (each.status or each.failure) in statuses]
    return [Breach("promise", f"{sentence}: {len(found)} times", found)] if found else []
