"""What of the launcher can be told without a server: processes, places, plans, and what goes into shipped files."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SCRIPTS))

import rig_balancers  # noqa: E402
import rig_place  # noqa: E402
import rig_plan  # noqa: E402
import rig_process  # noqa: E402
from rig_fleet import Rig  # noqa: E402


def arguments(**more):
    given = {
        "only": "redis", "standby": False, "no_fsync": False, "fixed": False, "harness": False, "nodes": 3,
        "owner": None, "server": None, "database_url": None, "redis_url": None, "postgres_option": [],
        "redis_option": [], "set": [], "faketime": [],
        **more,
    }
    return argparse.Namespace(**given)


class Processes(unittest.TestCase):
    def setUp(self):
        self.child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.addCleanup(self.child.__exit__, None, None, None)
        self.addCleanup(self.child.kill)
        self.record = rig_process.identify(self.child.pid)

    def test_another_start_is_another_process(self):
        self.assertTrue(rig_process.is_alive(self.record))
        stranger = {**self.record, "start": self.record["start"] + 1}
        self.assertFalse(rig_process.is_alive(stranger))
        self.assertFalse(rig_process.send(stranger, signal.SIGKILL))
        self.assertTrue(rig_process.is_alive(self.record))
        self.assertFalse(rig_process.wait_for_end([self.record], 0))

    def test_a_zombie_is_dead(self):
        self.child.kill()
        os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)
        self.assertFalse(rig_process.is_alive(self.record))
        self.child.wait()

    def test_what_is_stopped_ends_too(self):
        rig_process.send_all(self.record, signal.SIGSTOP)
        os.waitid(os.P_PID, self.child.pid, os.WSTOPPED | os.WNOWAIT)
        rig_process.end(self.record, signal.SIGTERM, 5)
        self.assertFalse(rig_process.is_alive(self.record))

    def test_what_ignores_the_request_is_killed_with_its_children(self):
        script = "trap '' TERM; (trap '' TERM; echo; cat /dev/zero >/dev/null) & wait; wait"
        with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as parent:
            parent.stdout.readline()
            record = rig_process.identify(parent.pid)
            children = rig_process.descendants(record)
            self.assertTrue(children)
            rig_process.end(record, signal.SIGTERM, 0.05)
            for each in [record, *children]:
                self.assertFalse(rig_process.is_alive(each))


class Places(unittest.TestCase):
    def test_names_stay_below_the_folder(self):
        for name in ("", ".", "..", "a/b", "/tmp", "-x", "a" * 65):
            with self.assertRaises(rig_process.RigError):
                rig_place.Place(name)

    def test_the_record_is_for_its_owner(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(rig_place, "RIGS", pathlib.Path(folder)):
            place = rig_place.Place("a")
            with place.locked():
                place.save({"servers": {}})
                self.assertEqual(place.record.stat().st_mode & 0o777, 0o600)
                self.assertEqual(place.load(), {"servers": {}})
                with rig_place.Place("a").locked(wait=False) as second:
                    self.assertFalse(second)

    def test_only_a_folder_of_a_rig_is_removed(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(rig_place, "RIGS", pathlib.Path(folder)):
            place, other = rig_place.Place("a"), pathlib.Path(folder) / "mine"
            place.folder.mkdir()
            other.mkdir()
            place.discard({"data": str(other)})
            self.assertTrue(other.is_dir())

    def test_ports_are_out_of_the_clients_range_and_taken_ones_are_named(self):
        low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        ports = rig_place.free_ports(20)
        self.assertEqual(len(set(ports)), 20)
        if low > 16000:
            self.assertLess(max(ports), low)
        with rig_place.socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(rig_process.RigError, f"port {port} .* process {os.getpid()}"):
                rig_place.require_free([port])


class Plans(unittest.TestCase):
    def test_unknown_parts_and_malformed_settings_are_refused(self):
        wrongs = (
            {"only": "redis,mysql"}, {"redis_option": ["maxmemory"]}, {"nodes": 0}, {"nodes": 10}, {"harness": True})
        for wrong in wrongs:
            with self.assertRaises(rig_process.RigError):
                rig_plan.Plan(arguments(**wrong))

    def test_a_node_has_its_own_settings_over_those_of_all(self):
        plan = rig_plan.Plan(arguments(set=["A=1", "B=2", "node2:A=3"]))
        self.assertEqual(plan.settings("node1"), {"A": "1", "B": "2"})
        self.assertEqual(plan.settings("node2"), {"A": "3", "B": "2"})

    def test_a_password_that_nobody_asked_for_tells_no_plans_apart(self):
        def plan(password):
            with mock.patch.dict(os.environ, {"PORTCULLIS_ADMIN_PASSWORD": password}):
                return rig_plan.Plan(arguments(only="nodes", server=__file__))

        up = {"plan": plan("first").described()}
        self.assertTrue(plan("first").is_met_by(up))
        self.assertTrue(plan("").is_met_by(up))
        self.assertFalse(plan("second").is_met_by(up))


class ShippedFiles(unittest.TestCase):
    def test_ports_and_the_number_of_nodes_are_put_in_and_nothing_else(self):
        for name in ("haproxy.cfg", "nginx.conf"):
            text = rig_balancers.shipped(name)
            self.assertEqual(rig_balancers.rendered(text, {}), text)
            two = rig_balancers.rendered(text, {8080: 1, 8081: 2, 8082: 3}, nodes=2)
            self.assertNotRegex(two, r"127\.0\.0\.1:808\d")
            self.assertIn("127.0.0.1:3", two)
            self.assertEqual(len(text.splitlines()) - len(two.splitlines()), text.count("127.0.0.1:8083"))


    def test_a_port_for_a_load_generator_is_one_line_more(self):
        text = rig_balancers.shipped("haproxy.cfg")
        self.assertNotIn("accept-proxy", text)
        for port in (8090, 17001):
            harness = rig_balancers.rendered(rig_balancers.with_harness(text, port), {8080: 17000})
            added = set(harness.splitlines()) - set(rig_balancers.rendered(text, {8080: 17000}).splitlines())
            self.assertEqual(added, {f"    bind 127.0.0.1:{port} accept-proxy"})
        with self.assertRaises(rig_process.RigError):
            rig_balancers.with_harness(text.replace("8080", "80"), 8090)

    def test_the_harness_has_a_fixed_port_or_a_free_one(self):
        plan = rig_plan.Plan(arguments(only="haproxy,nodes", nodes=1, harness=True, server=__file__))
        self.assertIn("harness", plan.ports())
        plan.fixed = True
        with mock.patch.object(rig_place, "require_free"):
            self.assertEqual(plan.ports(), {"haproxy": 8080, "harness": 8090, "node1": 8081, "ops1": 9081})


class Signals(unittest.TestCase):
    def test_nobody_is_asked_for_a_server_that_is_not_there(self):
        with self.assertRaisesRegex(rig_process.RigError, "there is no `redis`"):
            Rig(rig_place.Place("none")).signal("redis", signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
