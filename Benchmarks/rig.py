"""What the benchmarks share: processes started and ended, requests of an exact size, CPU read from the kernel."""

import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "Benchmarks"
BUILD = ROOT / ".build" / "bench"
SERVER = ROOT / ".build" / "release" / "portcullis"

SERVER_CORE, GENERATOR_CORE = 0, 1
CONNECTIONS = 32
PASSWORD = "benchmarks measure, they do not guess"
# What one session may be refreshed at once, with room to spare.
SESSION_REFRESHES = 250


class BenchError(Exception):
    """The measurement cannot be trusted or made; the message says why."""


def compile_c(name, *libraries, shared=False):
    """Compiles Benchmarks/<name>.c and returns the path of what came out."""
    BUILD.mkdir(parents=True, exist_ok=True)
    out = BUILD / (name + (".so" if shared else ""))
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"] + (["-shared", "-fPIC"] if shared else [])
    linked = [f"-l{library}" for library in libraries]
    subprocess.run(["gcc", *flags, "-o", out, HERE / f"{name}.c", *linked], check=True)
    return out


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raise_descriptor_limit():
    """Soft limit to the hard one, here and in what is started from here; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def request_bytes(path, size=0, token=None, host="127.0.0.1"):
    """A GET of exactly `size` bytes, padded with a header; size 0 pads nothing."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    head = "\r\n".join(lines) + "\r\n"
    padding = size - len(head) - 2
    if size and padding != 0:
        name = "X-Padding: "
        if padding < len(name) + 3:
            raise BenchError(f"{path}: {len(head) + 2} bytes without padding, {size} wanted")
        head += name + "x" * (padding - len(name) - 2) + "\r\n"
    request = (head + "\r\n").encode()
    if size and len(request) != size:
        raise BenchError(f"{path}: {len(request)} bytes, {size} wanted")
    return request


def read_response(connection):
    """The bytes of one response with a Content-Length, from a blocking socket."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            raise BenchError(f"closed before the end of a head: {received[:200]!r}")
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:[ \t]*(\d+)", head)
    wanted = int(length.group(1)) if length else 0
    while len(body) < wanted:
        chunk = connection.recv(65536)
        if not chunk:
            raise BenchError("closed before the end of a body")
        received, body = received + chunk, body + chunk
    return received


def exchange(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return read_response(connection)


def status_of(response):
    return int(response[9:12])


class Running:
    """A process, whoever started it."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_nanoseconds(self):
        """User and system time of every thread, as the scheduler counted it."""
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total


class Process(Running):
    """A child on one core, ended by its own id."""

    def __init__(self, arguments, core=None, environment=None, cwd=None, log=None):
        prefix = ["taskset", "-c", str(core)] if core is not None else []
        output = log if log is not None else subprocess.DEVNULL
        self.child = subprocess.Popen(
            prefix + [str(argument) for argument in arguments],
            env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        super().__init__(self.child.pid)

    def resident_kilobytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Responder(Process):
    """The bare responder, answering `response`; with `verify`, one RS256 verify for each answer."""

    def __init__(self, response, *mode):
        BUILD.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        path = BUILD / f"response-{self.port}"
        path.write_bytes(response)
        super().__init__([BUILD / "responder", self.port, path, *mode], core=SERVER_CORE)
        wait_for(lambda: exchange(self.port, b"GET / HTTP/1.1\r\n\r\n") == response, "the responder", self)
        path.unlink()


class Server(Process):
    """The server in release, one loop, on free ports and a data folder of its own unless one is given."""

    def __init__(self, core=SERVER_CORE, data=None, **settings):
        if not SERVER.exists():
            raise BenchError(f"{SERVER.relative_to(ROOT)} is missing: run `make build`")
        self.own_data = None if data else tempfile.mkdtemp(prefix="portcullis-bench-")
        self.port, ops = free_port(), free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
        environment.update({
            "SWIFT_BACKTRACE": "enable=no",
            "PORTCULLIS_LISTEN": f"127.0.0.1:{self.port}",
            "PORTCULLIS_OPS_LISTEN": f"127.0.0.1:{ops}",
            "PORTCULLIS_LOOPS": "1",
            "PORTCULLIS_DATA": data or self.own_data,
            "PORTCULLIS_ADMIN_PASSWORD": PASSWORD,
            "PORTCULLIS_REFRESHES_PER_SECOND": "10000",
        })
        environment.update({name: str(value) for name, value in settings.items()})
        self.ops_port = ops
        BUILD.mkdir(parents=True, exist_ok=True)
        self.log = BUILD / f"server-{self.port}.log"
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            super().__init__([SERVER, "serve"], core=core, environment=environment, cwd=self.own_data or data, log=log)
        try:
            wait_for(lambda: self.answers("/livez"), "the server", self, self.log)
        except BenchError:
            self.stop()
            raise
        self.first_answer_seconds = time.monotonic() - self.started

    def answers(self, path):
        return status_of(exchange(self.port, request_bytes(path))) == 200

    def post(self, path, fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise BenchError(f"{path}: {response.status} {text[:300]!r}")
        return json.loads(text)

    def login(self):
        wait_for(lambda: self.answers("/readyz"), "readiness", self, self.log)
        return self.post("/api/v1/auth/login", {"username": "admin", "password": PASSWORD})

    def keys(self):
        """How many signing keys are published."""
        response = exchange(self.port, request_bytes("/.well-known/jwks.json"))
        return len(json.loads(response.partition(b"\r\n\r\n")[2])["keys"])

    def tokens(self, count):
        """Distinct valid access tokens: within the grace a refresh repeats its successor with a fresh access token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers, tokens = {"Content-Type": "application/json"}, []
        try:
            for index in range(count):
                if index % SESSION_REFRESHES == 0:
                    refresh = self.login()["refresh_token"]
                connection.request("POST", "/api/v1/auth/refresh", json.dumps({"refresh_token": refresh}), headers)
                response = connection.getresponse()
                text = response.read()
                if response.status != 200:
                    raise BenchError(f"refresh: {response.status} {text[:300]!r}")
                reply = json.loads(text)
                refresh = reply["refresh_token"]
                tokens.append(reply["access_token"])
        finally:
            connection.close()
        if len(set(tokens)) != count:
            raise BenchError("refresh repeated an access token")
        return tokens

    def metrics(self):
        """The ops port's metrics, name with labels to value."""
        text = exchange(self.ops_port, request_bytes("/metrics")).partition(b"\r\n\r\n")[2].decode()
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def stop(self):
        code = super().stop()
        if self.own_data:
            shutil.rmtree(self.own_data, ignore_errors=True)
        return code


def wait_for(condition, what, process, log=None, seconds=10):
    """Polls until true; a process that ended or a deadline passed is an error with the end of its log."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (OSError, BenchError):
            pass
        ended = process.child.poll()
        if ended is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
            state = f"ended with {ended}" if ended is not None else f"not there after {seconds} s"
            raise BenchError(f"{what}: {state}\n{tail}".rstrip())
        time.sleep(0.0005)


def generate(port, requests, seconds):
    """wrk on its own core over `requests` in turn; the number answered. A failed answer fails the measurement."""
    with tempfile.NamedTemporaryFile(dir=BUILD, prefix="requests-") as file:
        file.write(b"".join(requests))
        file.flush()
        ran = subprocess.run(
            ["taskset", "-c", str(GENERATOR_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s",
             "-s", HERE / "requests.lua", f"http://127.0.0.1:{port}", "--", file.name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 30, check=False)
    text = ran.stdout.decode(errors="replace")
    served = re.search(r"(\d+) requests in", text)
    if ran.returncode != 0 or not served or "Non-2xx" in text or "Socket errors" in text:
        raise BenchError(f"wrk: {text}")
    return int(served.group(1))


def costs_and_rate(processes, port, requests, seconds, warm_up=1):
    """CPU of each process over requests served, in microseconds, and how many were served a second; after a warm-up
    that is not counted."""
    generate(port, requests, warm_up)
    before = [process.cpu_nanoseconds() for process in processes]
    served = generate(port, requests, seconds)
    used = [process.cpu_nanoseconds() - start for process, start in zip(processes, before)]
    return [each / served / 1000 for each in used], served / seconds


def microseconds_per_request(process, port, requests, seconds):
    return costs_and_rate([process], port, requests, seconds)[0][0]


def in_threads(count, body):
    """`body(number)` on so many threads at once; returns when all are done, and raises the first failure."""
    failures = []

    def run(number):
        try:
            body(number)
        except (BenchError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise BenchError(str(failures[0]))


def fail(message):
    print(f"bench: {message}", file=sys.stderr)
    sys.exit(1)
