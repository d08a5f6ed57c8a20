"""Logins for `make bench-peers`: the CPU of one, over connections that are kept, with passwords that are right."""

import json
import secrets
import socket
import time
from urllib.parse import urlencode

import fleet
import rig

CONNECTIONS = 4
TUTORIAL_USERS = [f"user{number}" for number in range(CONNECTIONS)]


def request(path, body, kind, address):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {address}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n")
    return (head + body).encode()


class Portcullis:
    """Logins at a server that trusts our word on addresses: they change, so that no limit is in the way."""

    def __init__(self, server):
        self.process = server
        self.names = fleet.users(server)

    def request(self, _):
        address = f"198.51.{secrets.randbelow(250)}.{secrets.randbelow(250)}"
        body = {"username": secrets.choice(self.names), "password": rig.PASSWORD}
        return request("/api/v1/auth/login", json.dumps(body), "application/json", address)


class Tutorial:
    def __init__(self, process):
        self.process = process
        for name in TUTORIAL_USERS:
            register(process, name)

    def request(self, number):
        body = urlencode({"username": TUTORIAL_USERS[number], "password": rig.PASSWORD})
        return request("/token", body, "application/x-www-form-urlencoded", "198.51.100.1")


def register(process, name):
    body = json.dumps({"username": name, "password": rig.PASSWORD})
    response = rig.exchange(process.port, request("/register", body, "application/json", "198.51.100.1"))
    if rig.status_of(response) != 201:
        raise rig.BenchError(f"/register: {response[:300]!r}")


def milliseconds_per_login(subject, seconds):
    """CPU of the server over logins that succeeded, in milliseconds, and how many there were a second."""
    counts = [0] * CONNECTIONS
    begin, deadline = time.monotonic(), time.monotonic() + seconds

    def repeat(number):
        with socket.create_connection(("127.0.0.1", subject.process.port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.monotonic() < deadline:
                connection.sendall(subject.request(number))
                response = rig.read_response(connection)
                if rig.status_of(response) != 200 or b'"access_token"' not in response:
                    raise rig.BenchError(f"a login was refused: {response[:300]!r}")
                counts[number] += 1

    before = subject.process.cpu_nanoseconds()
    rig.in_threads(CONNECTIONS, repeat)
    # Nothing is under way any more: what was used is that of the logins counted.
    used, done = subject.process.cpu_nanoseconds() - before, sum(counts)
    return used / done / 1e6, done / (time.monotonic() - begin)
