#!/usr/bin/env python3
"""`make bench`: what a request costs against a bare responder, and memory, start and allocations.

Server and responder run on core 0, the generator on core 1, on loopback. Costs are CPU (user and system time of the
server process over requests served), not latency: they hold on a machine that does other work, roughly. The responder
answers the very bytes that the server answered to the same request.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import fleet
import rig
from allocations import Allocations

VERIFY = "/api/v1/auth/verify"
LIVEZ_BYTES, VERIFY_BYTES = 200, 700
# More tokens in turn than the cache holds: none is there when its turn comes again.
FIRST_SEEN_TOKENS, FIRST_SEEN_CACHE = 2048, 64
IDLE_CONNECTIONS = 10_000
# Of the table; the file has all.
SITES, SITE_WIDTH = 8, 64


class Report:
    """Rows for the table and for the file."""

    def __init__(self):
        self.rows, self.notes = [], {}

    def row(self, name, measured, wanted, met):
        self.rows.append({"measure": name, "measured": measured, "wanted": wanted, "met": met})

    def print(self):
        widths = [max(len(row[key]) for row in self.rows) for key in ("measure", "measured", "wanted")]
        print()
        for row in self.rows:
            verdict = {True: "PASS", False: "MISS", None: ""}[row["met"]]
            cells = (row[key].ljust(width) for key, width in zip(("measure", "measured", "wanted"), widths))
            print("  ".join((*cells, verdict)).rstrip())
        judged = [row["met"] for row in self.rows if row["met"] is not None]
        if judged:
            print(f"\n{sum(judged)} of {len(judged)} wanted figures met")


def step(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def seen_request(token):
    """A verify of about 700 bytes: padded up to that if the token leaves room, as it is otherwise."""
    bare = rig.request_bytes(VERIFY, token=token)
    return rig.request_bytes(VERIFY, size=VERIFY_BYTES, token=token) if len(bare) + 16 <= VERIFY_BYTES else bare


def answer(port, request):
    response = rig.exchange(port, request)
    if rig.status_of(response) != 200:
        raise rig.BenchError(f"{request[:60]!r}: {response[:300]!r}")
    return response


def costs(report, rounds, seconds):
    """CPU a request of livez, seen and first-seen verify, beside the responder's, interleaved."""
    livez = rig.request_bytes("/livez", size=LIVEZ_BYTES)
    with rig.Server() as server, rig.Server(PORTCULLIS_TOKEN_CACHE_ENTRIES=FIRST_SEEN_CACHE) as uncached:
        token = server.login()["access_token"]
        verify = seen_request(token)
        step(f"{FIRST_SEEN_TOKENS} distinct tokens")
        first_seen = [seen_request(each) for each in uncached.tokens(FIRST_SEEN_TOKENS)]
        with rig.Responder(answer(server.port, livez)) as bare_livez, \
                rig.Responder(answer(server.port, verify)) as bare_verify, \
                rig.Responder(answer(server.port, verify), "verify") as verifying:
            subjects = {
                "responder livez": (bare_livez, [livez]),
                "livez": (server, [livez]),
                "responder verify": (bare_verify, [verify]),
                "seen": (server, [verify]),
                "responder with OpenSSL": (verifying, [verify]),
                "first seen": (uncached, first_seen),
            }
            measured = {name: [] for name in subjects}
            for number in range(rounds):
                for name, (process, requests) in subjects.items():
                    cost = rig.microseconds_per_request(process, process.port, requests, seconds)
                    measured[name].append(cost)
                shown = ", ".join(f"{name} {runs[-1]:.2f} us" for name, runs in measured.items())
                step(f"round {number + 1}: {shown}")
            report.notes["cache"] = cache_metrics(uncached)
            report.notes["system calls a request"] = {
                "responder": system_calls(bare_verify, verify), "server": system_calls(server, verify)}
        openssl = int(subprocess.run(
            ["taskset", "-c", str(rig.SERVER_CORE), rig.BUILD / "rs256"], stdout=subprocess.PIPE, check=True,
        ).stdout) / 1000
    report.notes["microseconds a request, each round"] = {**measured, "openssl verify": [openssl]}
    judge_costs(report, measured, openssl, len(verify))


def judge_costs(report, measured, openssl, verify_bytes):
    median = {name: statistics.median(runs) for name, runs in measured.items()}

    def ratio(name, base):
        return statistics.median(cost / bare for cost, bare in zip(measured[name], measured[base]))

    report.row(f"bare responder, {LIVEZ_BYTES} B request", f"{median['responder livez']:.2f} us", "", None)
    by = ratio("livez", "responder livez")
    report.row(f"GET /livez, {LIVEZ_BYTES} B request", f"{median['livez']:.2f} us = {by:.2f}x", "<= 1.30x", by <= 1.3)
    report.row(f"bare responder, {verify_bytes} B request", f"{median['responder verify']:.2f} us", "", None)
    by = ratio("seen", "responder verify")
    report.row(f"verify, token seen, {verify_bytes} B request", f"{median['seen']:.2f} us = {by:.2f}x",
               "<= 1.50x (goal 1.30x)", by <= 1.5)
    # The base of a first-seen token is one program that does both: while a request takes this long the generator falls
    # asleep between answers, and to wake it is a cost of the sender's write that no sum of two fast programs has.
    report.row("OpenSSL's RS256 verify of 600 B, alone", f"{openssl:.2f} us", "", None)
    report.row("bare responder with OpenSSL's verify", f"{median['responder with OpenSSL']:.2f} us", "", None)
    above = statistics.median(
        cost - base for cost, base in zip(measured["first seen"], measured["responder with OpenSSL"]))
    report.row("verify, token first seen", f"{median['first seen']:.2f} us = {above:+.2f} us",
               "<= +6.00 us (goal +4.00 us)", above <= 6)
    above = statistics.median(
        cost - bare - openssl for cost, bare in zip(measured["first seen"], measured["responder verify"]))
    report.row("  above bare responder and OpenSSL, measured apart", f"{above:+.2f} us", "", None)


def cache_metrics(server):
    """What the server itself says of its token cache: that first-seen tokens were."""
    return {name: value for name, value in server.metrics().items() if "cache" in name}


def system_calls(process, request, count=500):
    """System calls a keep-alive request, by name, as strace counts them; None where tracing is not allowed."""
    output = rig.BUILD / "strace"
    with socket.create_connection(("127.0.0.1", process.port)) as connection:
        connection.sendall(request)
        rig.read_response(connection)
        with open(rig.BUILD / "strace.log", "w+b") as log:
            tracer = subprocess.Popen(
                ["strace", "-c", "-f", "-o", output, "-p", str(process.pid)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
            try:
                rig.wait_for(lambda: traced(process.pid), "strace", process, seconds=3)
            except rig.BenchError:
                tracer.kill()
                tracer.wait()
                return None
            for _ in range(count):
                connection.sendall(request)
                rig.read_response(connection)
            tracer.send_signal(signal.SIGINT)
            tracer.wait(timeout=10)
    # % time, seconds, usecs/call, calls, [errors], name
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$", output.read_text(), re.MULTILINE)
    calls = {name: round(int(number) / count, 2) for number, name in rows if name != "total"}
    return {name: each for name, each in calls.items() if each >= 0.05}


def traced(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return "TracerPid:\t0\n" not in file.read()


def idle_connections(report):
    """Resident memory with 10,000 connections that asked once and stay; and whether a second wave adds to it."""
    limit = rig.raise_descriptor_limit()
    wave_size = min(IDLE_CONNECTIONS, limit - 500)
    request = rig.request_bytes("/livez", size=LIVEZ_BYTES)
    with rig.Server() as server:
        server.login()
        base_memory, base_descriptors = server.resident_kilobytes(), server.descriptors()
        waves = []
        for _ in range(2):
            connections = []
            try:
                for _ in range(wave_size):
                    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
                    connections.append(connection)
                    connection.sendall(request)
                    if rig.status_of(rig.read_response(connection)) != 200:
                        raise rig.BenchError(f"connection {len(connections)} was not served")
                if server.descriptors() < base_descriptors + wave_size:
                    raise rig.BenchError("the server closed idle connections during the wave")
                waves.append(server.resident_kilobytes())
            finally:
                for connection in connections:
                    connection.close()
            rig.wait_for(lambda: server.descriptors() <= base_descriptors, "every descriptor to be closed", server,
                         server.log, seconds=30)
    first, second = waves
    each = (first - base_memory) / wave_size
    report.notes["idle connections"] = {
        "connections": wave_size, "kB before": base_memory, "kB first wave": first, "kB second wave": second}
    report.row(f"{wave_size:,} idle connections",
               f"{first / 1000:.1f} MB RSS ({base_memory / 1000:.1f} before, {each:.2f} kB each)", "< 100 MB",
               max(waves) < 100_000 and wave_size >= IDLE_CONNECTIONS)
    report.row("a second wave of them", f"{(second - first) / 1000:+.1f} MB", "adds none", second - first < 1000)


def start(report, times=5):
    """Fork to the first 200 of /livez, with an empty data folder and with one in use."""
    fresh, used = [], []
    for _ in range(times):
        with rig.Server() as server:
            fresh.append(server.first_answer_seconds * 1000)
    data = tempfile.mkdtemp(prefix="portcullis-bench-")
    try:
        for number in range(times + 1):
            with rig.Server(data=data) as server:
                server.login()
                if number > 0:
                    used.append(server.first_answer_seconds * 1000)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    report.notes["milliseconds to the first answer"] = {"empty data folder": fresh, "data folder in use": used}
    for name, runs in (("data folder in use", used), ("empty data folder", fresh)):
        median = statistics.median(runs)
        shown = f"{median:.0f} ms (worst {max(runs):.0f})"
        report.row(f"start to first answer, {name}", shown, "< 300 ms", median < 300)


def allocations(report, count=2000):
    """Heap allocations of a verify on a keep-alive connection, seen and first-seen, and who makes them."""
    for name, settings in (("seen", {}), ("first seen", {"PORTCULLIS_TOKEN_CACHE_ENTRIES": FIRST_SEEN_CACHE})):
        shared = Allocations()
        try:
            with rig.Server(**shared.environment, **settings) as server:
                tokens = [server.login()["access_token"]] if name == "seen" else server.tokens(FIRST_SEEN_CACHE * 4)
                # A start makes the keys that nobody can wait for behind its first answers: thousands of allocations.
                rig.wait_for(lambda: server.keys() > 1, "the next signing key", server, server.log)
                each, sites = allocations_each(shared, server, [seen_request(token) for token in tokens], count)
        finally:
            shared.close()
        report.notes[f"allocations a verify, token {name}"] = {"each": each, "sites": sites}
        report.row(f"heap allocations, verify of a token {name}", f"{each:.2f}", "", None)
        for site, number in list(sites.items())[:SITES]:
            report.row(f"  {site[:SITE_WIDTH]}", f"{number:.2f}", "", None)


def allocations_each(shared, server, requests, count):
    """Allocations a request, and {site: how many of them}."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:

        def ask(times):
            for index in range(times):
                connection.sendall(requests[index % len(requests)])
                rig.read_response(connection)

        ask(500)
        before = shared.count()
        ask(count)
        each = (shared.count() - before) / count
        shared.arm(True)
        ask(count)
        shared.arm(False)
    return each, {site: round(number / count, 2) for number, site in shared.sites(server.pid, minimum=count // 100)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("parts", nargs="*", metavar="part",
                        help="of costs, idle, start, allocations, fleet, lag; all of them without")
    options = parser.parse_args()
    parts = {
        "costs": lambda report: costs(report, options.rounds, options.seconds),
        "idle": idle_connections, "start": start, "allocations": allocations,
        "fleet": lambda report: fleet.fleet(report, options.rounds, options.seconds, seen_request),
        "lag": fleet.lag,
    }
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if len(os.sched_getaffinity(0)) < 2:
        rig.fail("two cores are needed: one for the server, one for the generator")
    started = time.monotonic()
    report = Report()
    try:
        for name, *libraries in (("responder", "crypto"), ("rs256", "crypto")):
            rig.compile_c(name, *libraries)
        rig.compile_c("malloccount", shared=True)
        for name, part in parts.items():
            if not options.parts or name in options.parts:
                step(name)
                part(report)
    except (rig.BenchError, subprocess.SubprocessError) as error:
        rig.fail(error)
    report.print()
    results = {"seconds": round(time.monotonic() - started), "rows": report.rows, **report.notes}
    (rig.BUILD / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    calls = report.notes.get("system calls a request")
    if calls:
        print(f"system calls a request: responder {calls['responder']}, server {calls['server']}")
    print(f"{time.monotonic() - started:.0f} s; figures in .build/bench/results.json")


if __name__ == "__main__":
    main()
