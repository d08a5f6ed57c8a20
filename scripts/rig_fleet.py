"""A rig: what runs of it, the order of start and end, and what is done to its servers by name.

Everything that was started is in the record before anybody waits for it. What a killed rig did not come to write is
found by its working folder, which is ours, together with its program.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import rig_place
import rig_process
from rig_balancers import Balancer
from rig_nodes import Node
from rig_postgres import Postgres
from rig_process import RigError, is_alive
from rig_redis import Redis

KINDS = {"postgres": Postgres, "redis": Redis, "node": Node, "haproxy": Balancer, "nginx": Balancer}
# How each is asked to end, and how long that may take. What is up is private: nothing has to be finished on disk.
GENTLY = {
    "postgres": (signal.SIGINT, 10), "redis": (signal.SIGTERM, 5), "node": (signal.SIGTERM, 30),
    "haproxy": (signal.SIGTERM, 5), "nginx": (signal.SIGTERM, 5),
}
AT_ONCE = {**GENTLY, "postgres": (signal.SIGQUIT, 5), "node": (signal.SIGTERM, 1)}
# Programs that a rig starts, as the kernel names their files.
PROGRAMS = {"postgres", "redis-server", "portcullis", "haproxy", "nginx", "initdb", "pg_basebackup"}
# Of a rig that is down.
KEEP_LOGS_SECONDS = 24 * 3600


class Rig:
    def __init__(self, place, state=None):
        self.place, self.user, self.state = place, place.user, state
        self.data = pathlib.Path(state["data"]) if state else None

    # What its parts use

    def subfolder(self, name):
        return self.place.subfolder(self.data, name)

    def write(self, name, text):
        return self.place.write(self.data / name, text)

    def environment(self, **more):
        return {**rig_place.environment(self.data), **more}

    def log(self, name):
        return self.place.logs / f"{name}.log"

    def save(self):
        self.place.save(self.state)

    def spawn(self, name, command, folder, environment=None):
        server = self.state["servers"][name]
        server["process"] = rig_process.spawn(
            command, folder, self.log(name), environment or self.environment(), self.user)
        self.save()

    def await_ready(self, name, seconds, is_ready):
        rig_process.await_ready(name, self.state["servers"][name]["process"], self.log(name), seconds, is_ready)

    def part(self, name):
        return KINDS[self.state["servers"][name]["kind"]](self)

    # Up and down

    def is_whole(self):
        """Whether everything runs."""
        return bool(self.state and self.state["servers"]) and self.state["whole"] and all(
            is_alive(server["process"]) for server in self.state["servers"].values())

    def is_ready(self):
        """Whether everything answers, too."""
        return self.is_whole() and all(self.part(name).is_ready(name) for name in self.state["servers"])

    def up(self, plan):
        """Starts what the plan says, on a place where nothing is up."""
        rig_place.without_core_dumps()
        data, told = self.place.make()
        if told:
            print(f"rig: {told}", file=sys.stderr)
        self.data = data
        self.state = {
            "name": self.place.name, "whole": False, "plan": plan.described(), "user": self.user.name,
            "data": str(data), "logs": str(self.place.logs), "owner": plan.owner, "keeper": None, "urls": {},
            "servers": {},
        }
        self.save()
        ports = plan.ports()
        if "postgres" in plan.parts:
            postgres = Postgres(self)
            postgres.up(ports["postgres"], plan.postgres_options, plan.fsync, ports.get("standby"))
            self.state["urls"].update(postgres.urls())
        if "redis" in plan.parts:
            redis = Redis(self)
            redis.up(ports["redis"], plan.redis_options)
            self.state["urls"].update(redis.urls())
        if "nodes" in plan.parts:
            Node(self).up(plan, ports)
        for kind in ("haproxy", "nginx"):
            if kind in plan.parts:
                Balancer(self).up(kind, ports[kind], ports.get("harness"))
        if plan.owner:
            self.state["keeper"] = self.keeper()
        self.state["whole"] = True
        self.save()

    def keeper(self):
        """A process that waits for the end of the owner and then ends the rig."""
        child = subprocess.Popen(
            [sys.executable, str(rig_place.ROOT / "scripts" / "rig"), "keep", "--name", self.place.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            cwd="/")
        child.returncode = 0  # it outlives us
        return rig_process.identify(child.pid)

    def down(self):
        """Ends everything that is known and everything that was left, and removes the data."""
        if self.state is None:
            return
        keeper = self.state.get("keeper")
        if keeper and keeper["pid"] != os.getpid():
            rig_process.end(keeper, signal.SIGKILL, 5)
        servers = self.state["servers"]
        layers = (("haproxy", "nginx", "node"), ("redis", "postgres"))
        for layer in layers:
            self.end_together([server for server in servers.values() if server["kind"] in layer])
        for left in self.strays():
            rig_process.end(left, signal.SIGKILL, 5)
        for name, server in servers.items():
            if server["kind"] == "postgres":
                Postgres(self).release_memory(name)
        self.place.discard(self.state)
        self.state = None

    def end_together(self, servers):
        """Asks all, then waits for each: a node that drains holds up no other."""
        running = [server for server in servers if is_alive(server["process"])]
        for server in running:
            if server["kind"] != "postgres":
                rig_process.send(server["process"], signal.SIGCONT)
                rig_process.send(server["process"], AT_ONCE[server["kind"]][0])
        for server in running:
            rig_process.end(server["process"], *AT_ONCE[server["kind"]])

    def strays(self):
        """Processes of our programs that work in one of our folders."""
        folders = set()
        for path in [self.data, *(path for path in self.data.glob("*") if path.is_dir())]:
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                folders.add((found.st_dev, found.st_ino))
        result = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, RigError):
                program = os.path.basename(os.readlink(f"/proc/{name}/exe")).removesuffix(" (deleted)")
                found = os.stat(f"/proc/{name}/cwd")
                if program in PROGRAMS and (found.st_dev, found.st_ino) in folders:
                    result.append(rig_process.identify(int(name)))
        return result

    # By name

    def server(self, name):
        found = (self.state or {"servers": {}})["servers"].get(name)
        if found is None:
            names = ", ".join((self.state or {"servers": {}})["servers"]) or "nothing"
            raise RigError(f"there is no `{name}` in rig `{self.place.name}`; up: {names}.")
        return found

    def signal(self, name, number):
        """To the server and all that it started."""
        server = self.server(name)
        if not is_alive(server["process"]):
            raise RigError(f"{name} does not run.")
        tree = rig_process.send_all(server["process"], number)
        if number == signal.SIGKILL and not rig_process.wait_for_end(tree, 10):
            raise RigError(f"{name} does not end.")

    def end(self, name):
        """Asks it to end, and waits. Returns how long that took, in seconds."""
        server, begin = self.server(name), time.monotonic()
        rig_process.end(server["process"], *GENTLY[server["kind"]])
        return time.monotonic() - begin

    def start(self, name):
        if is_alive(self.server(name)["process"]):
            raise RigError(f"{name} runs already.")
        if self.server(name).get("role") == "former":
            raise RigError(f"another server took the place of {name}: rejoin it.")
        self.part(name).start(name)

    def promote(self, name):
        self.part(name).promote(name)
        self.save()

    def rejoin(self, name):
        self.part(name).rejoin(name)
        self.save()


def sweep():
    """Ends the rigs of owners that are gone, and forgets the logs of old ones. Those at work are left alone."""
    if not rig_place.RIGS.is_dir():
        return
    for folder in rig_place.RIGS.iterdir():
        if not (folder / "rig.json").is_file():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - (folder / "logs").stat().st_mtime > KEEP_LOGS_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        place = rig_place.Place(folder.name)
        # Those of other people are theirs to end.
        with contextlib.suppress(PermissionError), place.locked(wait=False) as held:
            state = place.load() if held else None
            if state and state["owner"] and not is_alive(state["owner"]):
                Rig(place, state).down()
