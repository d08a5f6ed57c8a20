"""HAProxy and nginx of a rig, with the configurations that ship in deploy/: what is tested is what is shipped.

Only ports, numbers of nodes and places for files are put in. A shipped file names the nodes as 127.0.0.1:8081 and
following, itself as 127.0.0.1:8080.
"""

import contextlib
import re
import shutil

import rig_place
from rig_nodes import status
from rig_process import RigError

START_SECONDS = 20
FILES = {"haproxy": "haproxy.cfg", "nginx": "nginx.conf"}
# Folders that nginx wants to write to, as one who is not root.
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def rendered(text, ports, nodes=None):
    """A shipped configuration with other ports (old -> new); with the lines of the first `nodes` nodes alone."""
    if nodes is not None:
        numbers = re.compile(r"^ *server (?:node\d+ )?127\.0\.0\.1:808([1-9])\b.*\n", re.MULTILINE)
        text = numbers.sub(lambda line: line.group() if int(line.group(1)) <= nodes else "", text)
    return re.sub(
        r"\b127\.0\.0\.1:(\d+)\b", lambda found: f"127.0.0.1:{ports.get(int(found.group(1)), found.group(1))}", text)


def with_harness(text, port):
    """HAProxy's frontend on one more port, where each connection says by the PROXY protocol whose it is.

    For a load generator of this machine, which stands for many clients. Not shipped: who reaches it may say any one.
    """
    shipped_line = "    bind 127.0.0.1:8080\n"
    if text.count(shipped_line) != 1:
        raise RigError("the shipped haproxy.cfg has no one frontend on 127.0.0.1:8080.")
    return text.replace(shipped_line, f"{shipped_line}    bind 127.0.0.1:{port} accept-proxy\n")


def shipped(name):
    return (rig_place.ROOT / "deploy" / name).read_text(encoding="utf-8")


def prepared(kind, text, folder):
    """nginx keeps its temporary files where it may write."""
    if kind == "nginx":
        places = "".join(f"\n    {name}_temp_path {folder}/{name};" for name in TEMPORARY)
        text = text.replace("http {", "http {" + places, 1)
    return text


def command(kind, configuration, folder):
    """How it is run in the foreground."""
    program = shutil.which(kind, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        package = {"nginx": "nginx-light"}.get(kind, kind)
        raise RigError(f"{kind} is not installed. Run: scripts/install-packages {package} (or make test-packages).")
    if kind == "haproxy":
        return [program, "-db", "-f", str(configuration)]
    own = f"daemon off; pid {folder}/pid;"
    return [program, "-e", "stderr", "-p", str(folder), "-c", str(configuration), "-g", own]


class Balancer:
    def __init__(self, rig):
        self.rig = rig

    def up(self, kind, port, harness=None):
        """`harness` is the port for a load generator, before HAProxy alone."""
        servers = self.rig.state["servers"]
        nodes = [server for server in servers.values() if server["kind"] == "node"]
        if not nodes:
            raise RigError(f"{kind} needs nodes.")
        folder = self.rig.subfolder(kind)
        ports = {8080: port, **{8081 + index: node["port"] for index, node in enumerate(nodes)}}
        text = shipped(FILES[kind])
        if harness and kind == "haproxy":
            text = with_harness(text, harness)
            self.rig.state["urls"]["harness"] = f"http://127.0.0.1:{harness}"
        text = prepared(kind, rendered(text, ports, len(nodes)), folder)
        configuration = self.rig.write(f"{kind}/{FILES[kind]}", text)
        servers[kind] = {
            "kind": kind, "port": port, "url": f"http://127.0.0.1:{port}", "process": None,
            "command": command(kind, configuration, folder),
        }
        self.rig.state["urls"].setdefault("balancer", f"http://127.0.0.1:{port}")
        self.start(kind)

    def is_ready(self, name):
        """A node answers through it."""
        return status(self.rig.state["servers"][name]["port"], "/readyz") == 200

    def start(self, name):
        server = self.rig.state["servers"][name]
        folder = self.rig.data / name
        with contextlib.suppress(FileNotFoundError):
            (folder / "pid").unlink()
        self.rig.spawn(name, server["command"], folder)
        self.rig.await_ready(name, START_SECONDS, lambda: self.is_ready(name))
