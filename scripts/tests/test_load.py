"""What `scripts/load` makes of a rig, without servers: the generator's command line, and that the rig always ends."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(SCRIPTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


load = script("load")

# More than any process has, so that nobody is meant.
NOBODY = 4_194_305
NODE = {"kind": "node", "ops": 9081, "process": {"pid": NOBODY}}
RECORD = {
    "servers": {"postgres": {"kind": "postgres", "process": {"pid": NOBODY}}, "node1": NODE},
    "urls": {"nodes": ["http://127.0.0.1:8081"], "balancer": "http://127.0.0.1:8080"},
    "admin": {"username": "admin", "password": "made-up"}, "logs": "the-logs",
}


def values(line, flag):
    return [line[index + 1] for index, word in enumerate(line) if word == flag]


class CommandLine(unittest.TestCase):
    def line(self, mode, **changes):
        record = {**RECORD, "urls": {**RECORD["urls"], **changes}}
        arguments = argparse.Namespace(
            build=pathlib.Path("bin"), out=pathlib.Path("out"), users=None, more=["--max", "verify.p99=5ms"])
        return load.command(mode, record, "the-file", arguments)

    def test_another_machine_is_never_besieged(self):
        for url in ("http://192.0.2.1:80", "http://localhost.example", "http://127.0.0.1@192.0.2.1:80", "nothing"):
            with self.assertRaisesRegex(load.LoadError, "not on loopback"):
                self.line("embedded", nodes=[url])

    def test_a_fleet_is_besieged_through_the_port_for_load_generators(self):
        line = self.line("fleet", harness="http://127.0.0.1:8090")
        self.assertEqual(line[:7], ["bin/loadtest", "run", "verify", "login", "mixed", "siege", "stuffing"])
        self.assertEqual(values(line, "--target"), ["http://127.0.0.1:8090"])
        self.assertEqual(values(line, "--client-address"), ["proxy-v2"])
        self.assertEqual(values(line, "--metrics"), ["http://127.0.0.1:9081/metrics"])
        self.assertEqual(values(line, "--pid"), [str(NOBODY)])
        self.assertEqual(values(line, "--users"), ["10000"])

    def test_a_password_is_in_no_command_line(self):
        line = self.line("quick")
        self.assertEqual(values(line, "--var-file"), ["admin_password=the-file"])
        self.assertNotIn("made-up", " ".join(line))
        self.assertEqual(values(line, "--target"), ["http://127.0.0.1:8081"])
        self.assertEqual(values(line, "--json") + values(line, "--html"), ["out/quick.json", "out/quick.html"])
        self.assertEqual(line[-2:], ["--max", "verify.p99=5ms"])

    def test_quick_is_under_a_minute_and_the_others_about_five(self):
        self.assertLess(sum(load.MODES["quick"]["seconds"].values()), 40)
        for mode in ("fleet", "embedded"):
            self.assertLess(sum(load.MODES[mode]["seconds"].values()), 300)


class Ends(unittest.TestCase):
    """With a generator that is a shell script, and a rig that only writes down what it was told."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rig = self.program("rig", f"echo $1 >> {self.folder}/told\n[ $1 = down ] || echo '{json.dumps(RECORD)}'")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def program(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return path

    def run_load(self):
        arguments = argparse.Namespace(build=self.folder, out=self.folder, users=None, fixed=False, more=[])
        with mock.patch.object(load, "RIG", self.rig), contextlib.redirect_stderr(io.StringIO()) as said:
            return load.Load("quick", arguments).run(), said.getvalue()

    def told(self):
        return (self.folder / "told").read_text().split()

    def test_a_rig_that_does_not_come_up_is_said_and_ended(self):
        self.program("rig", f"echo $1 >> {self.folder}/told; exit 1")
        with self.assertRaisesRegex(load.LoadError, "did not come up"):
            self.run_load()
        self.assertEqual(self.told(), ["up", "down"])

    def test_a_generator_that_is_missing_ends_the_rig(self):
        with self.assertRaises(FileNotFoundError):
            self.run_load()
        self.assertEqual(self.told(), ["up", "down"])

    def test_the_exit_code_is_the_generators_and_the_logs_are_named(self):
        for text, code in (("exit 3", 3), ("kill -9 $$", 137)):
            self.program("loadtest", text)
            found, said = self.run_load()
            self.assertEqual(found, code)
            self.assertIn("the-logs", said)
        self.assertEqual(self.told(), ["up", "down"] * 2)

    def test_the_password_is_a_file_for_its_owner_alone_and_gone_afterwards(self):
        self.program("loadtest", f"""
            for word; do case $word in admin_password=*) file=${{word#admin_password=}};; esac; done
            cd {self.folder}; stat -c %a "$file" > mode; cat "$file" > seen; echo "$file" > path""")
        self.assertEqual(self.run_load(), (0, ""))
        self.assertEqual((self.folder / "mode").read_text(), "600\n")
        self.assertEqual((self.folder / "seen").read_text(), "made-up")
        self.assertFalse(pathlib.Path((self.folder / "path").read_text().strip()).exists())

    def test_ctrl_c_lets_the_generator_finish(self):
        self.program("loadtest", f"""
            trap 'echo finished > {self.folder}/report; kill $!; exit 130' INT
            tail -f /dev/null &
            kill -INT {os.getpid()}
            wait""")
        arguments = argparse.Namespace(build=self.folder, out=self.folder, users=None, fixed=False, more=[])
        run = load.Load("quick", arguments)
        signal.signal(signal.SIGINT, run.told)
        with mock.patch.object(load, "RIG", self.rig), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(run.run(), 130)
        self.assertEqual((self.folder / "report").read_text(), "finished\n")
        self.assertEqual(self.told(), ["up", "down"])


class Usage(unittest.TestCase):
    def test_what_is_not_built_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            line = [sys.executable, SCRIPTS / "load", "quick", "--build", folder]
            done = subprocess.run(line, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^load: there is no .*portcullis\. Build it: make build-load\n$")


if __name__ == "__main__":
    unittest.main()
