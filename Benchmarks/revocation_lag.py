#!/usr/bin/env python3
"""How long after its 2xx a revocation is in force on the other nodes: three real nodes on one Postgres and one Redis.

Each of many access tokens is revoked on one node; from the moment of the answer, verify is asked on the two others
until they refuse. What is told is the later of the two, measured from outside: round trips and this script are in it.
Beside it stands what the nodes say themselves (`revocation_lag_seconds`).

usage: Benchmarks/revocation_lag.py [--revocations 10000] [--server EXECUTABLE]
"""

import argparse
import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import rig as bench

LAUNCHER = bench.ROOT / "scripts" / "rig"
# Requests under way at a time; more would measure this script.
PARALLEL = 6
# Promise 3.
WANTED_SECONDS, BOUND_SECONDS = 0.1, 2.0
PERCENTILES = (50, 99, 100)
USERS = 8


class Fleet:
    """Three nodes with stores of their own."""

    def __init__(self, server=None):
        self.name = f"lag-{os.getpid()}"
        arguments = ["up", "--name", self.name, "--only", "postgres,redis,nodes", "--json", "--owner", str(os.getpid()),
                     "--set", "PORTCULLIS_REFRESHES_PER_SECOND=10000"]
        arguments += ["--server", str(server)] if server else []
        self.record = json.loads(self.run(*arguments))
        nodes = [value for _, value in sorted(self.record["servers"].items()) if value["kind"] == "node"]
        self.ports = [node["port"] for node in nodes]
        self.ops = [node["ops"] for node in nodes]
        self.admin = self.record["admin"]

    def run(self, *arguments):
        done = subprocess.run([LAUNCHER, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise bench.BenchError(done.stderr.strip())
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run("down", "--name", self.name)


class Client:
    """One kept connection to each node."""

    def __init__(self, ports):
        self.nodes = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for port in ports]

    def ask(self, node, method, path, token=None, body=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self.nodes[node]
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, response.read()

    def wanted(self, node, method, path, token=None, body=None):
        status, answer = self.ask(node, method, path, token, body)
        if status != 200:
            raise bench.BenchError(f"{method} {path}: {status} {answer[:300]!r}")
        return json.loads(answer)

    def login(self, user):
        return self.wanted(0, "POST", "/api/v1/auth/login", body=user)


def token_id(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]


def make_users(fleet, admin_token):
    """Accounts that share the logins: one alone is soon asked to wait."""
    client, users = Client(fleet.ports), []
    for number in range(USERS):
        user = {"username": f"user{number}", "password": bench.PASSWORD}
        status, answer = client.ask(0, "POST", "/api/v1/admin/users", admin_token, user)
        if status != 201:
            raise bench.BenchError(f"user: {status} {answer[:300]!r}")
        users.append(user)
    return users


def session_tokens(fleet, user, count):
    """Access tokens of one session, as an honest client gets them that did not see an answer and asks again."""
    client = Client(fleet.ports)
    pair = client.login(user)
    tokens = [pair["access_token"]]
    while len(tokens) < count:
        node, body = len(tokens) % len(fleet.ports), {"refresh_token": pair["refresh_token"]}
        pair = client.wanted(node, "POST", "/api/v1/auth/refresh", body=body)
        tokens.append(pair["access_token"])
    return tokens


class Revoker:
    """Revokes one token after the other and tells how long the other nodes still took each."""

    def __init__(self, fleet, admin_token):
        self.client, self.admin_token, self.count = Client(fleet.ports), admin_token, len(fleet.ports)

    def lags(self, share):
        return [self.lag(number, token) for number, token in share]

    def lag(self, number, token):
        home = number % self.count
        others = [node for node in range(self.count) if node != home]
        # Known to every node, so that what is measured is no signature.
        for node in others:
            self.client.wanted(node, "GET", "/api/v1/auth/verify", token)
        self.client.wanted(home, "POST", "/api/v1/admin/revocations", self.admin_token, {"jti": token_id(token)})
        answered = time.monotonic()
        for node in others:
            while self.client.ask(node, "GET", "/api/v1/auth/verify", token)[0] != 401:
                if time.monotonic() - answered > 10 * BOUND_SECONDS:
                    raise bench.BenchError(f"node {node} still takes a token 20 s after its revocation")
        return time.monotonic() - answered


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)]


def told_by_nodes(fleet):
    """Counts by upper bound in seconds, of all nodes together."""
    counts = {}
    for port in fleet.ops:
        page = bench.exchange(port, bench.request_bytes("/metrics")).decode()
        pattern = r'(?m)^portcullis_revocation_lag_seconds_bucket\{of="revocations",le="([^"]+)"\} (\d+)$'
        for bound, count in re.findall(pattern, page):
            counts[bound] = counts.get(bound, 0) + int(count)
    return counts


def measure(revocations, server=None):
    """{"p50": seconds, "p99": …, "p100": …, "told": {bound: count}, "seconds": …}"""
    with Fleet(server) as fleet, concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        sessions = -(-revocations // bench.SESSION_REFRESHES)
        admin_token = Client(fleet.ports).login(fleet.admin)["access_token"]
        users = make_users(fleet, admin_token)
        made = pool.map(
            lambda number: session_tokens(fleet, users[number % USERS], bench.SESSION_REFRESHES), range(sessions))
        tokens = [token for session in made for token in session][:revocations]
        numbered = list(enumerate(tokens))
        started = time.monotonic()
        revokers = [Revoker(fleet, admin_token) for _ in range(PARALLEL)]
        parts = pool.map(lambda index: revokers[index].lags(numbered[index::PARALLEL]), range(PARALLEL))
        lags = [lag for part in parts for lag in part]
        figures = {f"p{percent}": percentile(lags, percent) for percent in PERCENTILES}
        return {**figures, "seconds": time.monotonic() - started, "told": told_by_nodes(fleet)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revocations", type=int, default=10_000)
    parser.add_argument("--server", type=pathlib.Path, help="the executable (.build/release/portcullis)")
    options = parser.parse_args()
    try:
        figures = measure(options.revocations, options.server)
    except (bench.BenchError, OSError, http.client.HTTPException) as error:
        sys.exit(f"revocation_lag: {error}")
    rate = options.revocations / figures["seconds"]
    print(f"{options.revocations} revocations on three nodes, {rate:.0f} a second")
    for name in (f"p{percent}" for percent in PERCENTILES):
        print(f"{name:>5} {figures[name] * 1000:8.1f} ms until both others refuse")
    for bound, count in figures["told"].items():
        print(f"the nodes: {count:6d} in force within {bound} s")
    sys.exit(0 if figures["p99"] < WANTED_SECONDS and figures["p100"] < BOUND_SECONDS else 1)


if __name__ == "__main__":
    main()
