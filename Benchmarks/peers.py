#!/usr/bin/env python3
"""`make bench-peers`: the same verify and the same login, at Portcullis and at what people take instead.

Servers run on core 0, the generator and Redis on core 1, in rounds that go over all of them in turn. Every verifier
gets requests of the same size with a token of the same claims; but for the row of HS256 it is the same token, which
Portcullis signed. Before it is measured, a verifier must let a good token pass and refuse one with a broken signature,
an expired one, and none. Figures are CPU (user and system time of the server's process over what it served): they hold
on a machine that does other work, roughly.
"""

import argparse
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import fleet  # noqa: E402
import peer_logins  # noqa: E402
import peer_report  # noqa: E402
import rig  # noqa: E402
from peer_servers import Envoy, HAProxy, Tutorial, hs256, segments  # noqa: E402

VERIFY = "/api/v1/auth/verify"
# More tokens in turn than the cache holds: none is there when its turn comes again.
FIRST_SEEN_TOKENS, FIRST_SEEN_CACHE = 2048, 64
# More than any bare request has, so that all can be padded up to one size.
PADDING = 32
BASE = "bare C responder"
README = rig.ROOT / "README.md"


class Material:
    """Two folders of data with the same keys, and what was signed with them."""

    def __init__(self, folder):
        self.seen, self.first_seen = folder / "seen", folder / "first-seen"
        self.seen.mkdir()
        with rig.Server(data=str(self.seen), PORTCULLIS_ACCESS_TOKEN_SECONDS=1) as brief:
            self.expired = brief.login()["access_token"]
        shutil.copytree(self.seen, self.first_seen)
        self.secret = secrets.token_hex(32)

    def sign(self, server):
        """The good token, and the key set that it is checked with."""
        self.good = server.login()["access_token"]
        self.jwks = rig.exchange(server.port, rig.request_bytes("/.well-known/jwks.json")).partition(b"\r\n\r\n")[2]
        head, claims, _ = segments(self.good)
        self.key = next(key for key in json.loads(self.jwks)["keys"] if key["kid"] == head["kid"])
        self.subject, self.size = claims["sub"], len(rig.request_bytes(VERIFY, token=self.good)) + PADDING

    def await_expiry(self):
        """Past the second that Envoy allows for clocks that differ."""
        time.sleep(max(0, segments(self.expired)[1]["exp"] + 2 - time.time()))

    def hs256(self, token):
        return hs256(self.secret, segments(token)[1])


class Verifier:
    """One row: who answers, and with which requests it is asked."""

    def __init__(self, process, tokens, size, path=VERIFY, beside=()):
        self.process, self.path, self.beside = process, path, list(beside)
        self.requests = [rig.request_bytes(path, size=size, token=token) for token in tokens]

    def objection(self, good, expired):
        """Why it cannot be measured; None when it tells good tokens from others."""
        head, claims, signature = good.split(".")
        middle = len(signature) // 2
        other = "A" if signature[middle] != "A" else "B"
        broken = f"{head}.{claims}.{signature[:middle]}{other}{signature[middle + 1:]}"
        for what, token, wanted in (
                ("a good token", good, (200,)), ("a broken signature", broken, (401, 403)),
                ("an expired token", expired, (401, 403)), ("no token", None, (401, 403)),
                ("a good token again", good, (200,))):
            status = rig.status_of(rig.exchange(self.process.port, rig.request_bytes(self.path, token=token)))
            if status not in wanted:
                return f"it answers {status} to {what}"
        return None


def verifiers(stack, material, redis_url, redis):
    """Every row of verify by its name, its server started, and {name: why not} of those that fail the check."""
    seen = stack.enter_context(rig.Server(data=str(material.seen)))
    first_seen = stack.enter_context(
        rig.Server(data=str(material.first_seen), PORTCULLIS_TOKEN_CACHE_ENTRIES=FIRST_SEEN_CACHE))
    material.sign(seen)
    size, good, jwks = material.size, [material.good], material.jwks.decode()
    trusted = rig.BUILD / f"jwks-{os.getpid()}.json"
    trusted.write_text(jwks)
    stack.callback(trusted.unlink)
    claims = ("--issuer", "portcullis", "--audience", "portcullis")
    hs256_tutorial = stack.enter_context(Tutorial(redis_url, *claims, secret=material.secret))
    peer_logins.register(hs256_tutorial, material.subject)
    rs256_tutorial = stack.enter_context(Tutorial(redis_url, *claims, "--trust", trusted))
    rows = {
        "Portcullis, token seen before": Verifier(seen, good, size),
        "Portcullis, token seen for the first time": Verifier(first_seen, first_seen.tokens(FIRST_SEEN_TOKENS), size),
        "Envoy `jwt_authn` with its cache": Verifier(stack.enter_context(Envoy(jwks, cache=True)), good, size),
        "Envoy `jwt_authn` without": Verifier(stack.enter_context(Envoy(jwks, cache=False)), good, size),
        "HAProxy `jwt_verify`": Verifier(stack.enter_context(HAProxy(material.key)), good, size),
        "FastAPI tutorial, HS256": Verifier(
            hs256_tutorial, [material.hs256(material.good)], size, Tutorial.me, [redis]),
        "FastAPI tutorial, RS256": Verifier(rs256_tutorial, good, size, Tutorial.me, [redis]),
    }
    material.await_expiry()
    objections = {}
    for name, row in rows.items():
        pair = (material.good, material.expired)
        if objection := row.objection(*(map(material.hs256, pair) if row.process is hs256_tutorial else pair)):
            objections[name] = objection
    answer = rig.exchange(seen.port, rows["Portcullis, token seen before"].requests[0])
    bare = {
        BASE: Verifier(stack.enter_context(rig.Responder(answer)), good, size),
        f"{BASE} that also verifies RS256 by OpenSSL": Verifier(
            stack.enter_context(rig.Responder(answer, "verify")), good, size),
    }
    return bare | {name: row for name, row in rows.items() if name not in objections}, objections


def logins(stack, redis_url):
    """Every row of login by its name."""
    server = stack.enter_context(rig.Server(PORTCULLIS_TRUSTED_PROXIES="127.0.0.1"))
    return {
        "Portcullis, argon2id (19 MiB, t=2)": peer_logins.Portcullis(server),
        "FastAPI tutorial, bcrypt (cost 12)": peer_logins.Tutorial(stack.enter_context(Tutorial(redis_url))),
        "FastAPI tutorial, argon2id (19 MiB, t=2)": peer_logins.Tutorial(
            stack.enter_context(Tutorial(redis_url, "--hash", "argon2id"))),
    }


def measure(stack, folder, rounds, seconds):
    """Everything measured, round by round: what peer_report makes tables of."""
    redis_store = stack.enter_context(fleet.Stores(only="redis"))
    redis = rig.Running(redis_store.record["servers"]["redis"]["process"]["pid"])
    redis_url = redis_store.record["urls"]["redis"]
    material = Material(folder)
    rows, objections = verifiers(stack, material, redis_url, redis)
    for name, objection in objections.items():
        peer_report.step(f"not measured: {name}: {objection}")
    login_rows = logins(stack, redis_url)
    found = {
        "request bytes": material.size, "not measured": objections,
        "verify": {name: {"us": [], "per second": [], "redis us": []} for name in rows},
        "login": {name: {"ms": [], "per second": []} for name in login_rows},
    }
    for number in range(rounds):
        for name, row in rows.items():
            costs, rate = rig.costs_and_rate([row.process, *row.beside], row.process.port, row.requests, seconds)
            figures = found["verify"][name]
            figures["us"].append(costs[0])
            figures["per second"].append(rate)
            figures["redis us"] += costs[1:]
        for name, row in login_rows.items():
            cost, rate = peer_logins.milliseconds_per_login(row, seconds)
            found["login"][name]["ms"].append(cost)
            found["login"][name]["per second"].append(rate)
        peer_report.round_line(number + 1, found)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--write-readme", action="store_true", help="put the tables into README.md")
    options = parser.parse_args()
    if min(options.rounds, options.seconds) < 1:
        parser.error("rounds and seconds are at least 1")
    if not {rig.SERVER_CORE, rig.GENERATOR_CORE} <= os.sched_getaffinity(0):
        rig.fail("two cores are needed: one for the servers, one for the generator and Redis")
    # Redis and whoever logs in inherit it; servers get a core of their own.
    os.sched_setaffinity(0, {rig.GENERATOR_CORE})
    started = time.monotonic()
    try:
        if options.write_readme:
            peer_report.around_tables(README)
        rig.compile_c("responder", "crypto")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="portcullis-bench-"))
            found = measure(stack, pathlib.Path(folder), options.rounds, options.seconds)
        report = peer_report.Report(found, BASE)
        print(report.text())
        report.save(rig.BUILD / "peers.json")
        if options.write_readme:
            report.write_readme(README)
    except (rig.BenchError, subprocess.SubprocessError, OSError) as error:
        rig.fail(error)
    print(f"{time.monotonic() - started:.0f} s; figures in .build/bench/peers.json")


if __name__ == "__main__":
    main()
