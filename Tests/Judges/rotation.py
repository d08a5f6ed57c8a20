"""Keys rotate under load, and other teams' libraries judge the tokens with the JWKS as their clients keep it.

A server whose keys live HASTE times faster than ours do; clients that log in, verify and refresh without a pause;
judges that keep the JWKS for its max-age divided by HASTE and never fetch it earlier. Planned rotations may show nobody
a 401 and no judge an unknown key. After a compromised one the server refuses what the key signed at once, and the
judges do when what they keep is over.
"""

import base64
import http.client
import json
import subprocess
import tempfile
import threading
import time

HASTE = 60
CLIENTS = 3
ROTATIONS = 3
PASSWORD = "a-password-for-judges-alone"
# Of an access token; its life is 900 / HASTE.
REFRESH_BEFORE = 5


def until(seconds, condition):
    """Asks until the condition holds; False when it does not within the time."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    return True


class Server:
    """The server as a process; it ends with our end of its input."""

    def __init__(self, executable, folder):
        command = [executable, f"{folder}/data", PASSWORD, str(HASTE)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the server did not start")

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=30)


class Connection:
    """One that is kept, as clients do."""

    def __init__(self, server):
        self.http = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)

    def ask(self, method, path, body=None, token=None, headers=()):
        headers = dict(headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        self.http.request(method, path, body, headers)
        reply = self.http.getresponse()
        return reply, reply.read()

    def login(self):
        return self.tokens("login", {"username": "admin", "password": PASSWORD})

    def tokens(self, way, body):
        reply, content = self.ask("POST", f"/api/v1/auth/{way}", body)
        return reply.status, json.loads(content) if reply.status == 200 else None

    def verify(self, token):
        return self.ask("GET", "/api/v1/auth/verify", token=token)[0].status


class Judge:
    """A library as a process. What has no client of its own gets the JWKS from us, kept as its max-age allows."""

    def __init__(self, name, command, server, fetches_itself):
        self.name, self.verdicts = name, 0
        arguments = ["follow", "portcullis", "portcullis"]
        if fetches_itself:
            arguments += [f"{server.url}/.well-known/jwks.json", str(300 / HASTE)]
        self.process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"NO_PROXY": "*"},
        )
        self.connection = None if fetches_itself else Connection(server)
        self.kept_until, self.tag, self.lock = 0, None, threading.Lock()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def judge(self, token):
        """None for a good token, else why not."""
        with self.lock:
            if self.connection and time.monotonic() >= self.kept_until:
                self.fetch()
            self.verdicts += 1
            answer = self.say(f"token {token}")
            return None if answer == "good" else answer or "no answer"

    def fetch(self):
        asked = time.monotonic()
        headers = {"If-None-Match": self.tag} if self.tag else {}
        reply, content = self.connection.ask("GET", "/.well-known/jwks.json", headers=headers)
        directives = dict(part.strip().partition("=")[::2] for part in reply.headers["Cache-Control"].split(","))
        self.kept_until = asked + int(directives["max-age"]) / HASTE
        if reply.status == 200:
            self.tag = reply.headers["ETag"]
            self.say(f"keys {content.decode()}")

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=30)


class Client(threading.Thread):
    """Uses its token until shortly before its end, then refreshes; every answer must be 200."""

    def __init__(self, server, judges, problems):
        super().__init__()
        self.server, self.judges, self.problems = server, judges, problems
        self.requests, self.keys, self.stop, self.tokens = 0, set(), threading.Event(), []

    def run(self):
        try:
            connection = Connection(self.server)
            status, granted = connection.login()
            while not self.stop.is_set():
                if not self.note("login or refresh", status):
                    return
                self.use(connection, granted["access_token"])
                status, granted = connection.tokens("refresh", {"refresh_token": granted["refresh_token"]})
        except Exception as error:
            self.problems.append(f"a client failed: {error!r}")

    def use(self, connection, token):
        self.tokens.append(token)
        self.keys.add(key_of(token))
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        while not self.stop.is_set() and time.time() < claims["exp"] - REFRESH_BEFORE:
            self.note("verify", connection.verify(token))
            # A login of others at the same time: signed by whichever key is active now.
            status, fresh = connection.login()
            if not self.note("login", status):
                return
            self.keys.add(key_of(fresh["access_token"]))
            self.note("verify", connection.verify(fresh["access_token"]))
            for judge in self.judges:
                for judged in (token, fresh["access_token"]):
                    problem = judge.judge(judged)
                    if problem:
                        self.problems.append(f"{judge.name} refused a token of key {key_of(judged)}: {problem}")
            # A user has a limited number of sessions.
            connection.ask("POST", "/api/v1/auth/logout", {"refresh_token": fresh["refresh_token"]})

    def note(self, what, status):
        self.requests += 1
        if status != 200:
            self.problems.append(f"{what} answered {status}")
        return status == 200


def key_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]


class Keys:
    """An administrator of the keys, whose own tokens end, too."""

    def __init__(self, server):
        self.connection = Connection(server)
        self.refresh_token = self.connection.login()[1]["refresh_token"]

    def ask(self, method, path, body=None):
        _, granted = self.connection.tokens("refresh", {"refresh_token": self.refresh_token})
        self.refresh_token = granted["refresh_token"]
        reply, content = self.connection.ask(method, path, body, token=granted["access_token"])
        return reply, json.loads(content)

    def active(self):
        items = self.ask("GET", "/api/v1/admin/keys")[1]["items"]
        return next(key for key in items if key["purpose"] == "signing" and key["state"] == "active")

    def is_next_published(self):
        """Whether nobody keeps a JWKS without the next key."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > self.active()["earliest_rotation_at"]

    def rotate(self, **body):
        reply, answer = self.ask("POST", "/api/v1/admin/keys/rotate", body)
        return reply.status, answer, reply.headers["Retry-After"]


def planned(keys, problems):
    """One planned rotation, as soon as the server allows it. Returns the keys before and after."""
    before, answers = keys.active()["kid"], []

    def is_answered():
        answers.append(keys.rotate(kid=before))
        return answers[-1][0] != 409

    until(30, is_answered)
    if any(int(wait) < 1 for status, _, wait in answers if status == 409) or len(answers) < 2:
        problems.append(f"too early answered {answers[0]}")
    status, answer, _ = answers[-1]
    if status != 200 or answer["rotated"] is not True:
        problems.append(f"a planned rotation answered {status} {answer}")
    status, answer, _ = keys.rotate(kid=before)
    if status != 200 or answer["rotated"] is not False:
        problems.append(f"the same rotation repeated answered {status} {answer}")
    return before, keys.active()["kid"]


def compromised(server, keys, judges, problems):
    """One of a stolen key: what it signed is over, what its successor signs is good."""
    connection = Connection(server)
    granted = connection.login()[1]
    stolen, old = keys.active()["kid"], granted["access_token"]
    for judge in judges:
        if judge.judge(old):
            problems.append(f"{judge.name} refused the token before")
    status, answer, _ = keys.rotate(kid=stolen, compromised=True)
    if status != 200 or answer["rotated"] is not True:
        problems.append(f"a compromised rotation answered {status} {answer}")
    if connection.verify(old) != 401:
        problems.append("the server took a token of the compromised key")
    status, granted = connection.tokens("refresh", {"refresh_token": granted["refresh_token"]})
    if status != 200 or key_of(granted["access_token"]) == stolen:
        problems.append(f"after a compromised rotation a refresh answered {status}")
        return
    if connection.verify(granted["access_token"]) != 200:
        problems.append("the server refused a token of the next key")
    for judge in judges:
        if judge.judge(granted["access_token"]):
            problems.append(f"{judge.name} refused a token of the next key")
    # What the judges keep is over before the token is.
    for judge in judges:
        until(300 / HASTE + 1, lambda: judge.judge(old) is not None)
        reason = judge.judge(old)
        if reason is None or "xpired" in reason:
            problems.append(f"{judge.name} says of a token of the compromised key: {reason or 'good'}")


def run(server_executable, judge_commands):
    """Returns (answers and verdicts that were right, problems)."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(server_executable, folder)
        judges = [Judge(name, command, server, name == "PyJWT") for name, command in judge_commands.items()]
        clients = [Client(server, judges, problems) for _ in range(CLIENTS)]
        keys, used = Keys(server), set()
        for client in clients:
            client.start()
        try:
            for _ in range(ROTATIONS):
                used.update(planned(keys, problems))
            if not until(30, keys.is_next_published):
                problems.append("the next key was not published in time")
        finally:
            for client in clients:
                client.stop.set()
                client.join()
        if not problems:
            compromised(server, keys, judges, problems)
        signed = set().union(*(client.keys for client in clients))
        if len(used) != ROTATIONS + 1 or len(signed) < ROTATIONS:
            problems.append(f"{len(used)} keys were active, and {len(signed)} of them signed for the clients")
        for gap in judges[0].say("fetches").split():
            if float(gap) < 300 / HASTE:
                problems.append(f"PyJWT fetched the JWKS again after {gap} s: it met an unknown key")
        codes = [server.end(), *(judge.end() for judge in judges)]
        if any(codes):
            problems.append(f"exit codes {codes}")
    right = sum(client.requests for client in clients) + sum(judge.verdicts for judge in judges)
    return right, problems
