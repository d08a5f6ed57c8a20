"""Every check refuses a history that breaks its invariant, and lets a good one pass."""

import unittest

import invariants
from history import Operation


def operation(kind, begin, status, **more):
    return Operation(kind, "node1", "ann", begin, more.pop("end", begin + 0.01), status, **more)


class InvariantTests(unittest.TestCase):
    def refuses(self, breaches, invariant):
        self.assertTrue(breaches)
        self.assertTrue(all(each.invariant == invariant for each in breaches), breaches)
        self.assertTrue(str(breaches[0]))

    def test_two_successors_of_one_token_are_found_and_a_repeat_is_not(self):
        first = operation("refresh", 1, 200, presented="a", received="b")
        again = operation("refresh", 2, 200, presented="a", received="b")
        other = operation("refresh", 3, 200, presented="a", received="c")
        self.assertEqual(invariants.one_successor([first, again]), [])
        self.refuses(invariants.one_successor([first, again, other]), "I1")

    def test_a_refresh_after_the_logout_was_answered_is_found(self):
        logout = operation("logout", 1, 204, session="s")
        self.refuses(invariants.revoked_stays_revoked([logout, operation("refresh", 1.1, 200, session="s")]), "I2")
        for good in (operation("refresh", 0.9, 200, session="s"), operation("refresh", 1.1, 401, session="s")):
            self.assertEqual(invariants.revoked_stays_revoked([logout, good]), [])

    def test_a_verify_beyond_the_bound_is_found_and_one_that_tells_its_age_may_be_as_old(self):
        logout = operation("logout", 1, 204, session="s")
        self.refuses(invariants.revoked_stays_revoked([logout, operation("verify", 3.2, 200, session="s")]), "I2")
        self.assertEqual(invariants.revoked_stays_revoked([logout, operation("verify", 2.9, 200, session="s")]), [])
        aged = operation("verify", 20, 200, session="s", age=19)
        self.assertEqual(invariants.revoked_stays_revoked([logout, aged]), [])
        self.refuses(
            invariants.revoked_stays_revoked([logout, operation("verify", 70, 200, session="s", age=90)]), "I2")

    def test_a_logout_without_an_answer_promises_nothing(self):
        lost = operation("logout", 1, 0, session="s", failure="reset")
        self.assertEqual(invariants.revoked_stays_revoked([lost, operation("refresh", 5, 200, session="s")]), [])

    def test_more_comparisons_than_the_cap_are_found(self):
        self.assertEqual(invariants.comparisons_within_cap({"victim": 100}, 100), [])
        self.refuses(invariants.comparisons_within_cap({"victim": 101}, 100), "I3")

    def test_a_client_that_repeats_within_the_grace_and_is_refused_is_found(self):
        lost = operation("refresh", 1, 0, session="s", presented="a", failure="reset")
        self.refuses(
            invariants.nobody_signed_out([lost, operation("refresh", 5, 401, session="s", presented="a")]), "I4")
        late = operation("refresh", 90, 401, session="s", presented="a")
        self.assertEqual(invariants.nobody_signed_out([lost, late]), [])
        logout = operation("logout", 3, 0, session="s", failure="timeout")
        ended = operation("refresh", 5, 401, session="s", presented="a")
        self.assertEqual(invariants.nobody_signed_out([lost, logout, ended]), [])

    def test_an_answer_about_somebody_else_is_found(self):
        self.refuses(
            invariants.answers_are_ones_own(
                [operation("verify", 1, 200, subject="bob", expected_subject="ann")]), "I5")
        self.assertEqual(
            invariants.answers_are_ones_own([operation("verify", 1, 200, subject="ann", expected_subject="ann")]), [])

    def test_a_granted_session_that_is_not_stored_is_found_and_an_ended_one_that_is(self):
        login = operation("login", 1, 200, session="s")
        self.assertEqual(invariants.committed([login], {"s"}), [])
        self.refuses(invariants.committed([login], set()), "I6")
        logout = operation("logout", 2, 204, session="s")
        self.assertEqual(invariants.committed([login, logout], set()), [])
        self.refuses(invariants.committed([login, logout], {"s"}), "I6")

    def test_a_503_without_retry_after_is_found(self):
        self.refuses(invariants.says_when_to_retry([operation("login", 1, 503)]), "I8")
        self.assertEqual(invariants.says_when_to_retry([operation("login", 1, 503, retry_after=True)]), [])

    def test_a_failure_long_after_the_fault_is_found(self):
        seconds, breaches = invariants.recovers([operation("login", 12, 503)], fault_end=10)
        self.assertEqual((seconds, breaches), (2, []))
        seconds, breaches = invariants.recovers([operation("login", 16, 503)], fault_end=10)
        self.assertEqual(seconds, 6)
        self.refuses(breaches, "I8")
        self.refuses(invariants.recovers([operation("verify", 16, 0, failure="timeout")], 10)[1], "I8")

    def test_a_request_that_hangs_is_found_unless_its_node_could_not_be_reached(self):
        slow = operation("login", 1, 200, end=9)
        self.refuses(invariants.bounded([slow], 5), "deadline")
        self.assertEqual(invariants.bounded([slow], 5, lambda each: each.node == "node1"), [])

    def test_an_answer_that_a_row_rules_out_is_found(self):
        self.refuses(invariants.never([operation("verify", 1, 401)], {401}, "signed out"), "promise")
        self.refuses(invariants.never([operation("verify", 1, 0, failure="reset")], {"reset"}, "cut off"), "promise")
        self.assertEqual(invariants.never([operation("verify", 1, 200)], {401, 503}, "signed out"), [])
