"""The client of a proxy, and the people who have accounts with the node behind it."""

import contextlib
import http.client
import json
import os
import socket
import subprocess

from stage import ROOT, SECONDS


class Reply:
    def __init__(self, response):
        self.status, self.body = response.status, response.read()
        self.fields = [(name.lower(), value) for name, value in response.getheaders()]

    def all(self, name):
        return [value for found, value in self.fields if found == name]

    def one(self, name):
        """The value of a field that is there once, None otherwise."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


def ask(port, target="/", fields=(), method="GET", body=b"", chunked=False):
    """One request with exactly these bytes in its head, on a connection of its own."""
    lines = [f"{method} {target} HTTP/1.1", "Host: app.example.test", *fields]
    if not any(line.lower().startswith("connection:") for line in fields):
        lines.append("Connection: close")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body:
        lines.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Reply(response)


class Portcullis:
    """An embedded node, started by the launcher, and the people who have accounts there."""

    def __init__(self, executable):
        self.name = "forward-auth"
        done = subprocess.run(
            [ROOT / "scripts" / "rig", "up", "--name", self.name, "--only", "nodes", "--nodes", "1", "--json",
             "--server", executable, "--set", "PORTCULLIS_SIGNING_ALGORITHM=ES256", "--owner", str(os.getpid()),
             "--set", "PORTCULLIS_TRUSTED_PROXIES="],
            check=True, stdout=subprocess.PIPE)
        state = json.loads(done.stdout)
        self.port, self.admin = state["servers"]["node1"]["port"], state["admin"]["password"]
        token = self.login("admin", self.admin)
        word = "nine herons by the weir"
        self.post("admin/users", {"username": "ada", "password": word, "roles": ["reader"]}, token, 201)
        self.post("admin/users", {"username": "bob", "password": word}, token, 201)
        self.tokens = {name: self.login(name, word) for name in ("ada", "bob")}
        self.tokens["admin"] = token

    def post(self, path, value, token=None, expected=200):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            fields = {"Content-Type": "application/json"}
            if token:
                fields["Authorization"] = f"Bearer {token}"
            connection.request("POST", f"/api/v1/{path}", json.dumps(value), fields)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != expected:
                raise RuntimeError(f"{path}: {reply.status} {body!r}")
            return json.loads(body) if body else None

    def login(self, username, password):
        return self.post("auth/login", {"username": username, "password": password})["access_token"]

    def close(self):
        subprocess.run([ROOT / "scripts" / "rig", "down", "--name", self.name], check=True)
