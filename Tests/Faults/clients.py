"""Clients as real ones are: they keep their connection, repeat what got no answer, and log in only when they must."""

import base64
import http.client
import json
import random
import socket
import threading
import time

from history import Operation, short

# What a client waits for one answer. No deadline of the server is longer.
PATIENCE = 10.0
API = "/api/v1/auth"


def claims(access_token):
    """The payload of a token, unchecked: whose it says it is."""
    try:
        part = access_token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}


class Target:
    """Where requests go: a node or a balancer."""

    def __init__(self, name, port, host="127.0.0.1"):
        self.name, self.port, self.host = name, port, host


class Caller:
    """Keep-alive connections of one thread, one to each target; every request is in the history."""

    def __init__(self, history):
        self.history, self.connections = history, {}

    def ask(self, target, kind, method, path, body=None, token=None, **known):
        """Returns the operation and the reply's JSON ({} when there is none)."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        address = known.pop("address", None)
        if address:
            headers["X-Forwarded-For"] = address
        operation = Operation(kind, target.name, known.pop("client", ""), time.monotonic(), 0, 0, **known)
        reply = {}
        try:
            connection = self.connection(target)
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read()
            operation.status = response.status
            operation.retry_after = bool(response.headers.get("Retry-After"))
            age = response.headers.get("X-Revocation-Age")
            operation.age = float(age) if age else None
            if response.headers.get("Content-Type", "").startswith("application/json"):
                reply = json.loads(text)
            if response.will_close:
                self.drop(target)
        except (OSError, http.client.HTTPException) as error:
            operation.failure = self.failure(error)
            self.drop(target)
        operation.end = time.monotonic()
        self.note(operation, reply)
        return self.history.add(operation), reply

    @staticmethod
    def note(operation, reply):
        """Takes over what the answer says of session, user and token."""
        if "access_token" in reply:
            said = claims(reply["access_token"])
            operation.subject, operation.session = said.get("sub", ""), said.get("sid", "")
            operation.received = short(reply.get("refresh_token"))
        elif "sub" in reply:
            operation.subject = reply["sub"]

    @staticmethod
    def failure(error):
        if isinstance(error, TimeoutError):
            return "timeout"
        if isinstance(error, ConnectionRefusedError):
            return "refused"
        return "reset"

    def connection(self, target):
        found = self.connections.get(target.name)
        # A server may close an idle connection at any time; one whose end is there already is not asked.
        if found is not None and found.sock is not None and self.has_ended(found.sock):
            self.drop(target)
            found = None
        if found is None:
            found = http.client.HTTPConnection(target.host, target.port, timeout=PATIENCE)
            found.connect()
            found.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[target.name] = found
        return found

    @staticmethod
    def has_ended(connection):
        connection.setblocking(False)
        try:
            return connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            connection.settimeout(PATIENCE)

    def drop(self, target):
        found = self.connections.pop(target.name, None)
        if found is not None:
            found.close()

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections = {}


class Client:
    """One user's device: at most one session at a time."""

    def __init__(self, name, password, subject, address=None):
        self.name, self.password, self.subject, self.address = name, password, subject, address
        # When it tries to log in again after a refusal: as people do, not as fast as it can.
        self.patient_until = 0.0
        self.access = self.refresh = self.session = self.device = None
        # Sessions that it ended: (session, access token, refresh token). Nothing of them may work again.
        self.ghosts = []

    def login(self, caller, target):
        body = {"username": self.name, "password": self.password}
        if self.device:
            body["device_token"] = self.device
        operation, reply = caller.ask(
            target, "login", "POST", f"{API}/login", body, client=self.name, expected_subject=self.subject,
            address=self.address)
        if operation.status == 200:
            self.take(operation, reply)
            self.device = reply.get("device_token") or self.device
        else:
            self.patient_until = time.monotonic() + random.uniform(0.3, 1.0)
        return operation

    def rotate(self, caller, target):
        """Refreshes; what gets no answer or a 503 is repeated by the caller with the same token."""
        operation, reply = caller.ask(
            target, "refresh", "POST", f"{API}/refresh", {"refresh_token": self.refresh}, client=self.name,
            session=self.session, presented=short(self.refresh), expected_subject=self.subject, address=self.address)
        if operation.status == 200:
            self.take(operation, reply)
        elif operation.status == 401:
            self.access = self.refresh = self.session = None
        return operation

    def take(self, operation, reply):
        self.access, self.refresh, self.session = reply["access_token"], reply["refresh_token"], operation.session

    def verify(self, caller, target):
        operation, _ = caller.ask(
            target, "verify", "GET", f"{API}/verify", token=self.access, client=self.name, session=self.session,
            expected_subject=self.subject)
        return operation

    def logout(self, caller, target):
        operation, _ = caller.ask(
            target, "logout", "POST", f"{API}/logout", {"refresh_token": self.refresh}, client=self.name,
            session=self.session)
        if operation.status == 204:
            self.ghosts = self.ghosts[-20:] + [(self.session, self.access, self.refresh)]
            self.access = self.refresh = self.session = None
        return operation

    def haunt(self, caller, target):
        """Tries what was ended: an access token at one node, its refresh token at times."""
        session, access, refresh = random.choice(self.ghosts)
        if random.random() < 0.7:
            caller.ask(target, "verify", "GET", f"{API}/verify", token=access, client=self.name, session=session)
        else:
            caller.ask(
                target, "refresh", "POST", f"{API}/refresh", {"refresh_token": refresh}, client=self.name,
                session=session, presented=short(refresh))


class Load:
    """Threads that each lead some clients through a day, until told to stop."""

    # Of a client that has a session. The rest are verifies.
    REFRESH, LOGOUT, HAUNT = 0.2, 0.03, 0.15

    def __init__(self, history, targets, clients, threads=4, pause=0.02):
        self.history, self.targets, self.pause = history, targets, pause
        self.stopping = threading.Event()
        shares = [clients[index::threads] for index in range(threads)]
        self.threads = [
            threading.Thread(target=self.lead, args=(share,), daemon=True) for share in shares if share]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(3 * PATIENCE)

    def lead(self, clients):
        caller = Caller(self.history)
        while not self.stopping.wait(self.pause):
            self.step(random.choice(clients), caller)
        caller.close()

    def step(self, client, caller):
        target = random.choice(self.targets)
        if client.refresh is None:
            if time.monotonic() >= client.patient_until:
                client.login(caller, target)
            return
        dice = random.random()
        if dice < self.REFRESH:
            client.rotate(caller, target)
        elif dice < self.REFRESH + self.LOGOUT:
            client.logout(caller, target)
        elif dice < self.REFRESH + self.LOGOUT + self.HAUNT and client.ghosts:
            client.haunt(caller, target)
        else:
            client.verify(caller, target)
