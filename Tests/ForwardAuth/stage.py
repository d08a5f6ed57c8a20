"""What stands around a proxy: the application behind it, and Portcullis with somebody who takes notes before it."""

import contextlib
import http.client
import http.server
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import rig_balancers  # noqa: E402
import rig_place  # noqa: E402

# Of one read.
SECONDS = 20
START_SECONDS = 30


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Notes every request: (method, raw path, fields as pairs, body)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler, port=0):
        super().__init__(("127.0.0.1", port), handler)
        self.port, self.log, self.open = self.server_address[1], [], set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a peer that goes away is none

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def taken(self):
        """What came since the last call."""
        log, self.log = self.log, []
        return log

    def close(self):
        """Connections that peers keep are ended, too."""
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SECONDS

    def log_message(self, *_):
        pass

    def note(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.log.append((self.command, self.path, self.headers.items(), body))
        return body

    def answer(self, status, fields, body=b""):
        self.send_response_only(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.respond
        raise AttributeError(name)


class ApplicationHandler(Handler):
    """Answers 200, or what `?status=` says."""

    def respond(self):
        self.note()
        status = int(self.path.partition("status=")[2][:3] or 200)
        self.answer(status, [("X-Application", "yes"), ("WWW-Authenticate", "Own")], b"the application's own words")


class WitnessHandler(Handler):
    """Passes on to the node, unless it was told what to answer: (status, fields), `hang`, or bytes."""

    def respond(self):
        self.note()
        script = self.server.script
        if self.path == "/readyz":
            # A proxy's check: none of the scripts is about it.
            self.server.log.pop()
            return self.answer(200, [])
        if script == "hang":
            self.server.released.wait(SECONDS)
            self.close_connection = True
        elif isinstance(script, bytes):
            self.wfile.write(script)
            self.close_connection = True
        elif script:
            self.answer(*script)
        else:
            self.forward()

    def forward(self):
        node = http.client.HTTPConnection("127.0.0.1", self.server.node, timeout=SECONDS)
        with contextlib.closing(node):
            node.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    node.putheader(name, value)
            node.endheaders()
            reply = node.getresponse()
            body = reply.read()
            fields = [pair for pair in reply.getheaders() if pair[0].lower() not in ("content-length", "connection")]
            self.answer(reply.status, fields, body)


class Witness(Server):
    def __init__(self, node):
        self.node, self.script, self.released = node, None, threading.Event()
        super().__init__(WitnessHandler)


class Proxy:
    """nginx or HAProxy with a shipped configuration, between one node and the application."""

    def __init__(self, kind, name, node, application):
        self.kind, self.user = kind, rig_place.User()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-proxy-"))
        self.port, questions = rig_place.free_ports(2)
        ports = {8080: self.port, 8079: questions, 8081: node, 8070: application}
        for path in (ROOT / "deploy").iterdir():
            text = rig_balancers.rendered(path.read_text(encoding="utf-8"), ports, nodes=1)
            text = rig_balancers.prepared(kind, text, self.folder).replace("/etc/haproxy/", f"{self.folder}/")
            (self.folder / path.name).write_text(text, encoding="utf-8")
            self.user.own(self.folder / path.name)
        self.user.own(self.folder)
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                rig_balancers.command(kind, self.folder / name, self.folder), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.folder, **self.user.drop)
        self.await_start()

    def await_start(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
                break
        said = (self.folder / "log").read_text(errors="replace")
        self.close()
        raise RuntimeError(f"{self.kind} did not start: {said}")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.folder.rmdir()
