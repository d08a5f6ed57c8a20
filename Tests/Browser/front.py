"""What stands before Portcullis in a deployment: TLS, the pages, and a reverse proxy for the API on the same origin.

One port serves every host name. `OWN` serves a page and, under /api/, Portcullis; the others serve pages alone.
"""

import base64
import hashlib
import http.client
import http.server
import socketserver
import ssl
import subprocess
import threading
import typing

# Of one read from a browser or from Portcullis.
SECONDS = 30
PAGE = b"<!doctype html><meta charset=utf-8><title>A page</title><p>A page."
# RFC 9110 section 7.6.1: these are of one connection.
OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-connection"}


class Seen(typing.NamedTuple):
    """A request for the API as the browser sent it, and what Portcullis answered."""

    method: str
    path: str
    origin: typing.Optional[str]
    site: typing.Optional[str]
    has_cookie: bool
    status: int
    sets_cookie: bool
    cors: bool


def certificate(folder):
    """A key pair for a day. Returns its file and the pin that Chromium is told to trust."""
    path = folder / "front.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=front", "-addext", "subjectAltName=DNS:*.example.test,DNS:*.test", "-keyout", path, "-out",
         folder / "certificate.pem"], check=True, capture_output=True)
    text = (folder / "certificate.pem").read_text()
    with path.open("a") as file:
        file.write(text)
    public = subprocess.run(
        ["openssl", "x509", "-pubkey", "-noout"], input=text.encode(), check=True, capture_output=True).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=public, check=True, capture_output=True).stdout
    return path, base64.b64encode(hashlib.sha256(der).digest()).decode()


class Front(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hosts, upstream, certificate_file=None):
        """`hosts` are those whose /api/ is Portcullis on port `upstream`. Plain HTTP without a certificate."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.hosts, self.upstream = hosts, upstream
        self.context = None
        if certificate_file:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate_file)
        self.port = self.server_address[1]
        self.arrival, self.log = threading.Condition(), []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def finish_request(self, request, client_address):
        # In the connection's own thread: a slow handshake holds up nobody else.
        if self.context is None:
            return super().finish_request(request, client_address)
        request.settimeout(SECONDS)
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            pass  # the browser went away

    def handle_error(self, request, client_address):
        pass  # a browser that goes away is none

    def note(self, seen):
        with self.arrival:
            self.log.append(seen)
            self.arrival.notify_all()

    def forget(self):
        with self.arrival:
            self.log = []

    def seen(self, path):
        """The one request other than a preflight that came for `path` since `forget`; waits for it."""
        def found():
            return [seen for seen in self.log if seen.path == path and seen.method != "OPTIONS"]

        with self.arrival:
            if not self.arrival.wait_for(found, timeout=SECONDS):
                raise TimeoutError(f"nothing came for {path}: {self.log}")
            return found()[-1]

    def preflights(self):
        with self.arrival:
            return [seen for seen in self.log if seen.method == "OPTIONS"]

    def requests(self, path):
        with self.arrival:
            return [seen for seen in self.log if seen.path == path and seen.method != "OPTIONS"]

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join(timeout=SECONDS)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    upstream = None

    def setup(self):
        super().setup()
        self.upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=SECONDS)

    def finish(self):
        self.upstream.close()
        super().finish()

    def log_message(self, *_):
        pass

    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if self.path.startswith("/api/") and host in self.server.hosts:
            self.forward(body)
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

    def forward(self, body):
        fields = {name: text for name, text in self.headers.items() if name.lower() not in OF_A_CONNECTION}
        self.upstream.request(self.command, self.path, body, fields)
        answer = self.upstream.getresponse()
        content = answer.read()
        names = {name.lower() for name, _ in answer.getheaders()}
        self.server.note(Seen(
            self.command, self.path.split("?")[0].removeprefix("/api/v1/").removeprefix("auth/"),
            self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site"),
            "__Host-portcullis-refresh=" in (self.headers.get("Cookie") or ""), answer.status,
            "set-cookie" in names, any(name.startswith("access-control-") for name in names)))
        self.send_response_only(answer.status, answer.reason)
        for name, text in answer.getheaders():
            if name.lower() not in OF_A_CONNECTION:
                self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = respond
