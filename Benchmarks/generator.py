#!/usr/bin/env python3
"""`make bench-loadtest`: the load-test harness held to wrk, and to a target whose true quantiles are known.

Servers run on core 0, generators on core 1, in rounds that go over both generators in turn.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import rig  # noqa: E402

LOADTEST = rig.ROOT / ".build" / "release" / "loadtest"
VERIFY = "/api/v1/auth/verify"
# Of the stub that stalls: so much of each second, at requests that come evenly.
STALL_MS, STALL_RATE = 100, 1000
PAGE = rig.ROOT / "docs" / "LOADTEST.md"
MARKS = ("<!-- generator -->", "<!-- /generator -->")
# Few, so that most of the requests of a stall wait for a connection: their service time knows nothing of it.
STALL_CONNECTIONS = 4
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def loadtest(port, token, seconds, rate, *options):
    """One run of `verify` with a token that is given; the figures of its file."""
    with tempfile.NamedTemporaryFile(dir=rig.BUILD, prefix="token-") as secret, \
            tempfile.NamedTemporaryFile(dir=rig.BUILD, suffix=".json") as result:
        secret.write(token.encode())
        secret.flush()
        ran = subprocess.run(
            ["taskset", "-c", str(rig.GENERATOR_CORE), LOADTEST, "verify", "--quiet", "--profile", "bearer",
             "--target", f"http://127.0.0.1:{port}{VERIFY}", "--var-file", f"access_token={secret.name}",
             "--rate", str(rate), "--duration", f"{seconds}s", "--warm-up", "1s", "--json", result.name, *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 60, check=False)
        if ran.returncode not in (0, 2):
            raise rig.BenchError(f"loadtest: {ran.stdout.decode(errors='replace')}")
        # Written beside it and renamed: what is open here is the old one.
        with open(result.name, encoding="utf-8") as written:
            return json.load(written)


def wrk(port, requests, seconds):
    """What wrk says of the same: requests a second, and its latencies in microseconds."""
    with tempfile.NamedTemporaryFile(dir=rig.BUILD, prefix="requests-") as file:
        file.write(b"".join(requests))
        file.flush()
        ran = subprocess.run(
            ["taskset", "-c", str(rig.GENERATOR_CORE), "wrk", "-t1", f"-c{rig.CONNECTIONS}", f"-d{seconds}s",
             "--latency", "-s", rig.HERE / "requests.lua", f"http://127.0.0.1:{port}", "--", file.name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 30, check=False)
    text = ran.stdout.decode(errors="replace")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if ran.returncode != 0 or not rate or "Non-2xx" in text or "Socket errors" in text:
        raise rig.BenchError(f"wrk: {text}")
    units = {"us": 1, "ms": 1e3, "s": 1e6}
    found = re.findall(r"^\s+(50|90|99)%\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE)
    return float(rate.group(1)), {f"p{name}": float(value) * units[unit] for name, value, unit in found}


def throughput(rounds, seconds):
    """Both as fast as they go, on the bare responder and on Portcullis."""
    rows = []
    with rig.Server() as server:
        token = server.login()["access_token"]
        request = rig.request_bytes(VERIFY, token=token)
        answer = rig.exchange(server.port, request)
        with rig.Responder(answer) as bare:
            for name, process in (("bare responder", bare), ("Portcullis, token seen", server)):
                ours, theirs, costs = [], [], []
                for number in range(rounds):
                    for generator in ("wrk", "loadtest"):
                        before = process.cpu_nanoseconds()
                        if generator == "wrk":
                            rate = wrk(process.port, [request], seconds)[0]
                            theirs.append(rate)
                            served = rate * seconds
                        else:
                            result = loadtest(
                                process.port, token, seconds, "max", "--connections", str(rig.CONNECTIONS))
                            ours.append(result["verify"]["rate"])
                            served = result["verify"]["count"]
                        costs.append((generator, (process.cpu_nanoseconds() - before) / served / 1000))
                    print(f"generator: {name}, round {number + 1}: wrk {theirs[-1]:,.0f}/s, loadtest {ours[-1]:,.0f}/s",
                          file=sys.stderr, flush=True)
                ratio = statistics.median(mine / other for mine, other in zip(ours, theirs))
                cpu = {each: statistics.median(cost for name, cost in costs if name == each)
                       for each in ("wrk", "loadtest")}
                rows.append({"target": name, "wrk": statistics.median(theirs), "loadtest": statistics.median(ours),
                             "ratio": ratio, "cpu": cpu})
    return rows


def truth(quantile):
    """Microseconds, of requests that come evenly to a target that does nothing for a part of each second and answers at
    once otherwise: those that come in that part wait for its end."""
    share = STALL_MS / 1000
    return max(0, quantile - (1 - share)) / share * STALL_MS * 1000


def stalling(seconds):
    """What the harness and wrk say of a target that stalls, and what is true."""
    token = "a token that nobody checks".replace(" ", "-")
    request = rig.request_bytes(VERIFY, token=token)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with rig.Responder(answer, "stall") as target:
        result = loadtest(target.port, token, seconds, STALL_RATE, "--connections", str(STALL_CONNECTIONS))
        _, theirs = wrk(target.port, [request], seconds)
    run = result["verify"]
    return [{
        "quantile": name, "true": truth(quantile), "loadtest": run[f"{name}_us"],
        "service": run["service"][f"{name}_us"], "wrk": theirs.get(name),
    } for name, quantile in QUANTILES.items()], result["run"]


def milliseconds(value):
    return "" if value is None else f"{value / 1000:.2f} ms"


def table(rows, quantiles):
    """Both as Markdown: for the terminal and for the page."""
    lines = ["| one thread, 32 connections, as fast as it goes | wrk | loadtest | |", "| --- | --- | --- | --- |"]
    for row in rows:
        lines.append(f"| {row['target']} | {row['wrk']:,.0f}/s | {row['loadtest']:,.0f}/s | {row['ratio']:.2f}x |")
    lines += [
        "", f"| stalls {STALL_MS} ms in each second | true | loadtest, {STALL_RATE}/s | its service time | wrk |",
        "| --- | --- | --- | --- | --- |"]
    for row in quantiles:
        cells = " | ".join(milliseconds(row[name]) for name in ("true", "loadtest", "service", "wrk"))
        lines.append(f"| {row['quantile']} | {cells} |")
    return "\n".join(lines)


def write_docs(text):
    """Between the markers of the page."""
    head, begin, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, tail = rest.partition(MARKS[1])
    if not begin or not end:
        raise rig.BenchError(f"{PAGE.name} has no {MARKS[0]} and {MARKS[1]}.")
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--write-docs", action="store_true", help=f"put the tables into {PAGE.relative_to(rig.ROOT)}")
    arguments = parser.parse_args()
    try:
        rig.compile_c("responder", "crypto")
        rows = throughput(arguments.rounds, arguments.seconds)
        quantiles, run = stalling(max(10, arguments.seconds))
        print(text := table(rows, quantiles))
        if arguments.write_docs:
            write_docs(text)
    except rig.BenchError as error:
        rig.fail(str(error))
    (rig.BUILD / "generator.json").write_text(
        json.dumps({"throughput": rows, "stall": quantiles, "run": run}, indent=2) + "\n")


if __name__ == "__main__":
    main()
