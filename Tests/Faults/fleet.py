"""A fleet to break: stores of `scripts/rig`, nodes, and a fault proxy between each node and each store."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from clients import API, Client, Target
from faultproxy import FaultProxy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RIG = ROOT / "scripts" / "rig"
sys.path.insert(0, str(ROOT / "scripts"))

import rig_place  # noqa: E402

# Whom the nodes run as, as the stores do.
USER = rig_place.User()
ADMIN_PASSWORD = "faults are found, not hoped away"
PASSWORD = "a password of somebody in the history"


class FleetError(Exception):
    """The fleet cannot be made or does not do what a row needs; the message says why."""


def until(condition, seconds, what):
    """Polls until true; a deadline that passes is an error."""
    deadline, waiting = time.monotonic() + seconds, threading.Event()
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            found = condition()
            if found:
                return found
        if time.monotonic() > deadline:
            raise FleetError(f"not within {seconds} s: {what}")
        waiting.wait(0.02)


class Stores:
    """Postgres with a synchronous standby, and Redis."""

    def __init__(self):
        self.name = f"faults-{os.getpid()}"
        text = self.rig(
            "up", "--json", "--only", "postgres,redis", "--standby", "--no-fsync", "--owner", str(os.getpid()))
        state = json.loads(text)
        self.urls, self.servers = state["urls"], state["servers"]

    def rig(self, command, *arguments):
        ran = subprocess.run(
            [RIG, command, *arguments, "--name", self.name], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False)
        if ran.returncode != 0:
            raise FleetError(f"rig {command} {' '.join(arguments)}: {ran.stderr.strip()}")
        return ran.stdout

    def sql(self, text, admin=False):
        """Rows as lists of text, of the server that takes writes."""
        url = self.urls["database_admin" if admin else "database"]
        ran = subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t", "--dbname", url,
             "--command", text],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        if ran.returncode != 0:
            raise FleetError(f"psql: {ran.stderr.strip()}")
        return [line.split("\t") for line in ran.stdout.splitlines() if line]

    def redis(self, *words):
        """One command to Redis; its reply's first line."""
        server = self.servers["redis"]
        with socket.create_connection(("127.0.0.1", server["port"]), timeout=5) as connection:
            file = connection.makefile("rwb")
            for command in (("AUTH", "portcullis", server["password"]), words):
                file.write(b"*%d\r\n" % len(command))
                for word in command:
                    file.write(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()))
                file.flush()
                reply = file.readline()
        return reply.decode().strip()

    def close(self):
        self.rig("down")


class Node:
    """One server process with proxies of its own to the stores."""

    def __init__(self, fleet, number):
        self.fleet, self.name = fleet, f"node{number}"
        self.port, self.ops_port = free_port(), free_port()
        self.target = Target(self.name, self.port)
        self.folder = fleet.folder / self.name
        self.folder.mkdir(mode=0o700)
        USER.own(self.folder)
        self.log = fleet.folder / f"{self.name}.log"
        self.proxies = contextlib.ExitStack()
        servers = fleet.stores.servers
        self.redis = self.proxies.enter_context(FaultProxy(("127.0.0.1", servers["redis"]["port"])))
        self.postgres = {
            name: self.proxies.enter_context(FaultProxy(("127.0.0.1", servers[name]["port"])))
            for name in ("postgres", "standby")}
        self.process = None

    def environment(self):
        stores = self.fleet.stores
        database = stores.urls["database"]
        for name, proxy in self.postgres.items():
            database = database.replace(f":{stores.servers[name]['port']}", f":{proxy.port}")
        redis = stores.urls["redis"].replace(f":{stores.servers['redis']['port']}", f":{self.redis.port}")
        return {
            "PATH": os.environ["PATH"], "SWIFT_BACKTRACE": "enable=no",
            "PORTCULLIS_LISTEN": f"127.0.0.1:{self.port}", "PORTCULLIS_OPS_LISTEN": f"127.0.0.1:{self.ops_port}",
            "PORTCULLIS_DATA": str(self.folder), "PORTCULLIS_DATABASE_URL": database, "PORTCULLIS_REDIS_URL": redis,
            "PORTCULLIS_MASTER_KEY_FILE": str(self.fleet.key), "PORTCULLIS_ISSUER": "faults",
            "PORTCULLIS_AUDIENCE": "faults", "PORTCULLIS_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "PORTCULLIS_TRUSTED_PROXIES": "127.0.0.1", "PORTCULLIS_LOOPS": "2", "PORTCULLIS_HASH_WORKERS": "2",
            "PORTCULLIS_REFRESHES_PER_SECOND": "10000",
        }

    def start(self, wait=True, **more):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.fleet.binary, "serve"], env={**self.environment(), **more}, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **USER.drop)
        if wait:
            self.await_ready()

    def await_ready(self, seconds=30):
        until(lambda: self.lives() and self.probe("/readyz") == 200, seconds, f"{self.name} is ready")

    def lives(self):
        """True; an error with the end of its log when it has ended."""
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-1500:]
            raise FleetError(f"{self.name} ended with {self.process.returncode}\n{tail}")
        return True

    def probe(self, path, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.ops_port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=3)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=40):
        """SIGTERM, and the exit code."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise FleetError(f"{self.name} does not end") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def footprint(self):
        """(resident kB, open descriptors)"""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), len(os.listdir(f"/proc/{self.process.pid}/fd"))


def free_port():
    """A node that is started again must find its own free."""
    return rig_place.free_ports(1)[0]


class Fleet:
    def __init__(self, binary, nodes=3):
        self.binary = pathlib.Path(binary).resolve()
        if not self.binary.exists():
            raise FleetError(f"{binary} is not built")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-faults-"))
        self.folder.chmod(0o711)
        self.binary = self.reachable(self.binary)
        self.key = self.folder / "master.key"
        self.key.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=") + "\n", "ascii")
        self.key.chmod(0o600)
        USER.own(self.key)
        self.stores, self.nodes, self.admin_token = None, [], None
        try:
            self.stores = Stores()
            self.nodes = [Node(self, number + 1) for number in range(nodes)]
            # All at once: they race for the schema, the keys and the first account.
            for node in self.nodes:
                node.start(wait=True)
            for node in self.nodes:
                node.await_ready()
        except BaseException:
            self.close()
            raise

    def reachable(self, binary):
        """The binary, or a copy that an unprivileged user can run."""
        if USER.can("x", binary):
            return binary
        copy = self.folder / "portcullis"
        shutil.copy(binary, copy)
        copy.chmod(0o755)
        return copy

    @property
    def targets(self):
        return [node.target for node in self.nodes]

    def admin(self, method, path, body=None, node=0):
        """As the administrator, over HTTP: status and reply. A token is used as long as it is good."""
        if self.admin_token is None:
            _, reply = self.ask(
                "POST", f"{API}/login", {"username": "admin", "password": ADMIN_PASSWORD}, node=node)
            if "access_token" not in reply:
                raise FleetError(f"the administrator cannot log in: {reply}")
            self.admin_token = reply["access_token"]
        status, reply = self.ask(method, path, body, self.admin_token, node)
        if status == 401:
            self.admin_token = None
            return self.admin(method, path, body, node)
        return status, reply

    def ask(self, method, path, body=None, token=None, node=0):
        connection = http.client.HTTPConnection("127.0.0.1", self.nodes[node].port, timeout=10)
        try:
            headers = {"Content-Type": "application/json"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else {}
        finally:
            connection.close()

    def make_clients(self, count, prefix):
        """Users with the roles of nobody."""
        clients = []
        for number in range(count):
            name = f"{prefix}{number}"
            status, reply = self.admin("POST", "/api/v1/admin/users", {"username": name, "password": PASSWORD})
            if status != 201:
                raise FleetError(f"user {name}: {status} {reply}")
            clients.append(Client(name, PASSWORD, reply["id"], f"198.51.{number // 250}.{number % 250 + 1}"))
        return clients

    def sessions(self):
        """The ids of the sessions that are stored."""
        return {row[0] for row in self.stores.sql("SELECT id FROM sessions")}

    def close(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill()
            node.proxies.close()
        if self.stores:
            self.stores.close()
        shutil.rmtree(self.folder, ignore_errors=True)
