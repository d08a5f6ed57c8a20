"""What a node of a fleet costs: verify beside an embedded node, refreshes and logins with their round trips, and how
long a revocation takes to the other nodes. Postgres and Redis are on the same machine."""

import base64
import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import tempfile
import threading
import time

import revocation_lag
import rig

USERS = 40
CLIENTS = 12
# Of each client, in turn: one session may not be refreshed as often.
SESSIONS = 12
# Of a node that has nothing to do: polls, marks and what keeps connections.
IDLE_SECONDS = 4
REVOCATIONS = 10_000


class Stores:
    """Postgres and Redis of their own, or `only` one of them, with every commit on the disk."""

    def __init__(self, only="postgres,redis"):
        self.only = only

    def __enter__(self):
        self.name = f"bench-{os.getpid()}"
        self.record = json.loads(self.run(
            "up", "--name", self.name, "--only", self.only, "--json", "--owner", str(os.getpid())))
        return self

    def __exit__(self, *_):
        self.run("down", "--name", self.name)

    @staticmethod
    def run(*arguments):
        done = subprocess.run([rig.ROOT / "scripts" / "rig", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise rig.BenchError(done.stderr.strip())
        return done.stdout

    @contextlib.contextmanager
    def node(self):
        """One node of a fleet, on the server's core. The generator and the stores share the other."""
        with tempfile.NamedTemporaryFile("w", prefix="portcullis-bench-", suffix=".key") as key:
            key.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=") + "\n")
            key.flush()
            with rig.Server(
                    PORTCULLIS_DATABASE_URL=self.record["urls"]["database"],
                    PORTCULLIS_REDIS_URL=self.record["urls"]["redis"], PORTCULLIS_MASTER_KEY_FILE=key.name,
                    PORTCULLIS_ISSUER="bench", PORTCULLIS_AUDIENCE="bench", PORTCULLIS_TRUSTED_PROXIES="127.0.0.1",
                    PORTCULLIS_REFRESH_GRACE_SECONDS=0) as node:
                yield node


class Caller:
    """One kept connection; as cheap as Python allows."""

    def __init__(self, port, address):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = address

    def post(self, path, body, token=None):
        text = json.dumps(body).encode()
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {self.address}\r\n{bearer}"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n")
        self.connection.sendall(head.encode() + text)
        response = rig.read_response(self.connection)
        status = rig.status_of(response)
        if status not in (200, 201):
            raise rig.BenchError(f"{path}: {response[:300]!r}")
        return json.loads(response.partition(b"\r\n\r\n")[2])


def trips(node):
    metrics = node.metrics()
    return {name: metrics[f"portcullis_{name}_round_trips_total"] for name in ("postgres", "redis")}


def rate(node, seconds, work):
    """`work(caller number)` repeated by all callers: (requests a second, CPU us a request, round trips a request)."""
    idle_from, idle = time.monotonic(), trips(node)
    threading.Event().wait(IDLE_SECONDS)
    elapsed = time.monotonic() - idle_from
    each_second = {name: (count - idle[name]) / elapsed for name, count in trips(node).items()}

    counts = [0] * CLIENTS
    deadline = time.monotonic() + seconds

    def repeat(number):
        while time.monotonic() < deadline:
            work(number)
            counts[number] += 1

    begin, cpu, before = time.monotonic(), node.cpu_nanoseconds(), trips(node)
    rig.in_threads(CLIENTS, repeat)
    elapsed, done = time.monotonic() - begin, sum(counts)
    used = (node.cpu_nanoseconds() - cpu) / done / 1000
    each = {name: (count - before[name] - each_second[name] * elapsed) / done for name, count in trips(node).items()}
    return done / elapsed, used, each


def users(node):
    """Names of users of the bench."""
    admin = Caller(node.port, "198.51.100.1")
    token = admin.post("/api/v1/auth/login", {"username": "admin", "password": rig.PASSWORD})["access_token"]
    names = [f"user{number}" for number in range(USERS)]
    for name in names:
        admin.post("/api/v1/admin/users", {"username": name, "password": rig.PASSWORD}, token)
    return names


def changes(report, node, seconds):
    names = users(node)
    callers = [Caller(node.port, f"198.51.100.{number + 2}") for number in range(CLIENTS)]

    def login(number):
        # Addresses change, so that no limit is in the way.
        callers[number].address = f"198.51.{secrets.randbelow(250)}.{secrets.randbelow(250)}"
        body = {"username": secrets.choice(names), "password": rig.PASSWORD}
        return callers[number].post("/api/v1/auth/login", body)

    sessions = [[login(number)["refresh_token"] for _ in range(SESSIONS)] for number in range(CLIENTS)]

    def refresh(number):
        token = sessions[number].pop(0)
        reply = callers[number].post("/api/v1/auth/refresh", {"refresh_token": token})
        sessions[number].append(reply["refresh_token"])

    for name, work, wanted in (("login", login, 2), ("refresh, rotating", refresh, 1)):
        each_second, used, each = rate(node, seconds, work)
        report.row(f"{name}, one node", f"{each_second:.0f}/s, {used / 1000:.2f} ms CPU each", "", None)
        # What is given back after the answer, and statistics taken a moment apart, are within a tenth.
        # Statistics are taken a moment apart.
        is_met = each["postgres"] < wanted + 0.1
        report.row("  round trips to Postgres", f"{each['postgres']:.2f}", f"<= {wanted}", is_met)
        # Of a login's two one gives the reservations back, after the answer.
        report.row("  round trips to Redis", f"{abs(each['redis']):.2f}", "", None)


def verify(report, embedded, node, rounds, seconds, seen_request):
    """CPU a verify of a token seen before, embedded and in a fleet, in turn."""
    subjects = {}
    for name, server in (("embedded", embedded), ("fleet", node)):
        subjects[name] = (server, [seen_request(server.login()["access_token"])])
    measured = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, (server, requests) in subjects.items():
            measured[name].append(rig.microseconds_per_request(server, server.port, requests, seconds))
    report.notes["verify embedded and in a fleet, microseconds each round"] = measured
    ratio = statistics.median(fleet / alone for fleet, alone in zip(measured["fleet"], measured["embedded"]))
    median = {name: statistics.median(runs) for name, runs in measured.items()}
    shown = f"{median['fleet']:.2f} us = {ratio:.3f}x of {median['embedded']:.2f} embedded"
    report.row("verify, token seen, in a fleet", shown, "0.95x to 1.05x", ratio <= 1.05)


def fleet(report, rounds, seconds, seen_request):
    with Stores() as stores, stores.node() as node:
        with rig.Server() as embedded:
            verify(report, embedded, node, max(rounds, 5), seconds, seen_request)
        changes(report, node, 4 * seconds)


def lag(report):
    figures = revocation_lag.measure(REVOCATIONS)
    report.notes["revocation lag"] = figures
    p50, p99, worst = (f"{figures[name] * 1000:.1f} ms" for name in ("p50", "p99", "p100"))
    shown = f"p50 {p50}, p99 {p99}, worst {worst}"
    report.row(
        f"{REVOCATIONS:,} revocations, 3 nodes, until all refuse", shown, "p99 < 100 ms, worst < 2 s",
        figures["p99"] < revocation_lag.WANTED_SECONDS and figures["p100"] < revocation_lag.BOUND_SECONDS)
