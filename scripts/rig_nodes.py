"""Nodes of a rig: built servers that share its Postgres and Redis, or each on an embedded store when it has none.

A node runs a copy of the executable: a build does not touch what runs, and the servers' user need not be able to enter
the project's folder.
"""

import base64
import contextlib
import glob
import http.client
import os
import pathlib
import secrets
import shutil

import rig_place
from rig_process import RigError

START_SECONDS = 60
ADMIN = "admin"
# Where balancers of the same machine connect from.
TRUSTED = "127.0.0.1"


def made_up_password():
    """Four groups of six: 120 bits, easy to read aloud."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(6)) for _ in range(4))


def status(port, path):
    """The status that a node answers with, None when it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status
    return None


class Node:
    def __init__(self, rig):
        self.rig = rig

    def up(self, plan, ports):
        """All of them at once, then each is waited for."""
        self.rig.state["admin"] = {"username": ADMIN, "password": plan.admin_password or made_up_password()}
        folder = self.rig.subfolder("bin")
        executable = folder / "portcullis"
        try:
            shutil.copyfile(plan.server, executable)
        except OSError as error:
            raise RigError(f"no server at {plan.server} ({error.strerror}). Build it: make build") from error
        executable.chmod(0o500)
        self.rig.user.own(executable)
        if not self.rig.user.can("x", executable):
            raise RigError(
                f"{self.rig.user.name} cannot run {executable}. Set TMPDIR to a folder where programs may run.")
        shared = self.shared(plan)
        names = [f"node{number}" for number in range(1, plan.nodes + 1)]
        for number, name in enumerate(names, start=1):
            settings = {**shared, **plan.settings(name)}
            self.describe(name, ports[name], ports[f"ops{number}"], settings, plan.faketime.get(name))
            self.spawn(name)
        self.rig.state["urls"]["nodes"] = [self.rig.state["servers"][name]["url"] for name in names]
        for name in names:
            self.wait(name)

    def shared(self, plan):
        """The settings that every node has."""
        state = self.rig.state
        settings = {
            "PORTCULLIS_ADMIN_PASSWORD": state["admin"]["password"], "PORTCULLIS_TRUSTED_PROXIES": TRUSTED,
            "PORTCULLIS_ISSUER": "portcullis", "PORTCULLIS_AUDIENCE": "portcullis",
        }
        database = plan.database_url or state["urls"].get("database")
        if database:
            key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            settings["PORTCULLIS_MASTER_KEY_FILE"] = str(self.rig.write("master.key", key + "\n"))
            settings["PORTCULLIS_DATABASE_URL"] = database
            settings["PORTCULLIS_REDIS_URL"] = plan.redis_url or state["urls"].get("redis") or "none"
        return settings

    def describe(self, name, port, ops, settings, faketime):
        data = self.rig.subfolder(name)
        settings = {
            **settings, "PORTCULLIS_LISTEN": f"127.0.0.1:{port}", "PORTCULLIS_OPS_LISTEN": f"127.0.0.1:{ops}",
            "PORTCULLIS_DATA": str(data),
        }
        if faketime:
            settings.update(preload(faketime))
        self.rig.state["servers"][name] = {
            "kind": "node", "port": port, "ops": ops, "url": f"http://127.0.0.1:{port}", "process": None,
            "data": str(data), "settings": {key: value for key, value in settings.items() if value},
        }

    def spawn(self, name):
        server = self.rig.state["servers"][name]
        command = [self.rig.data / "bin" / "portcullis", "serve"]
        self.rig.spawn(name, command, server["data"], self.rig.environment(**server["settings"]))

    def is_ready(self, name):
        return status(self.rig.state["servers"][name]["port"], "/readyz") == 200

    def wait(self, name):
        self.rig.await_ready(name, START_SECONDS, lambda: self.is_ready(name))

    def start(self, name):
        self.spawn(name)
        self.wait(name)


def preload(offset):
    """Lets a program see a wall clock that is off, such as `+300s`. Clocks that only go forward stay as they are."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        raise RigError("faketime is not installed. Run: scripts/install-packages faketime (or make test-packages).")
    return {"LD_PRELOAD": found[0], "FAKETIME": offset, "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def default_server():
    return pathlib.Path(os.environ.get("PORTCULLIS_SERVER", rig_place.ROOT / ".build" / "release" / "portcullis"))
