"""Where a rig lives: its folders, the user its servers run as, its ports, its record on disk.

    .build/rig/NAME/rig.json   what runs, where, and how to reach it; with passwords, so for its owner alone
    .build/rig/NAME/logs/      what the servers said; kept by `down`
    .build/rig/NAME/data/      the servers' own files; gone with `down`

Postgres refuses to be root. A root's rig runs its servers as `nobody`, and where nobody cannot enter the project's
folder, or where its path is too long for the name of a Unix socket, the data is in a private folder of the system's
temporary one.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import random
import re
import resource
import shutil
import socket
import stat
import subprocess
import tempfile

from rig_process import RigError

ROOT = pathlib.Path(__file__).resolve().parent.parent
RIGS = ROOT / ".build" / "rig"
# Of what is below a data folder, `sockets/.s.PGSQL.65535.lock` has the longest name; sun_path has 108 bytes.
SOCKET_NAME = len("/sockets/.s.PGSQL.65535.lock")
SOCKET_PATH = 107


class User:
    """Whom the servers run as."""

    def __init__(self):
        if os.geteuid() == 0:
            entry = pwd.getpwnam("nobody")
            self.name, self.uid, self.gid = entry.pw_name, entry.pw_uid, entry.pw_gid
            # The arguments of subprocess that drop to the user.
            self.drop = {"user": self.uid, "group": self.gid, "extra_groups": []}
        else:
            self.name, self.uid, self.gid = pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid()
            self.drop = {}

    def can(self, what, path):
        """`what` as in test(1): x, w, r."""
        return subprocess.run(["test", f"-{what}", str(path)], check=False, **self.drop).returncode == 0

    def own(self, path):
        """Gives a file or folder to the user."""
        os.chown(path, self.uid, self.gid)
        return path


class Place:
    def __init__(self, name):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise RigError(f"`{name}` is no name of a rig: letters, digits, `.`, `_`, `-`, 64 at most.")
        self.name, self.user = name, User()
        self.folder = RIGS / name
        self.logs, self.record = self.folder / "logs", self.folder / "rig.json"

    @contextlib.contextmanager
    def locked(self, wait=True):
        """One command at a time works on a rig. Yields whether we have it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def load(self):
        """The record, None when nothing is up."""
        try:
            return json.loads(self.record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def save(self, state):
        """Whole or not at all; readable by its owner alone."""
        new = self.record.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(state, file, indent=2)
            file.write("\n")
        os.replace(new, self.record)

    def make(self):
        """Empty folders. Returns that of the data, and a sentence when it is not in the project."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.iterdir():
            old.unlink()
        data, reason = self.folder / "data", None
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        self.user.own(data)
        if not self.user.can("w", data):
            reason = f"{self.user.name} cannot enter {data}"
        elif len(os.fsencode(data)) + SOCKET_NAME > SOCKET_PATH:
            reason = f"{data} is too long a path for Unix sockets"
        if reason:
            data.rmdir()
            data = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-rig-"))
            self.user.own(data)
            if not self.user.can("w", data):
                data.rmdir()
                raise RigError(f"{reason}, and not {data} either. Set TMPDIR to a folder that it can enter.")
            reason = f"{reason}: the data is in {data}."
        self.subfolder(data, "sockets")
        return data, reason

    def subfolder(self, data, name):
        path = data / name
        path.mkdir(mode=0o700, exist_ok=True)
        return self.user.own(path)

    def write(self, path, text):
        """A file of the servers' user, for it alone."""
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return self.user.own(path)

    def discard(self, state):
        """Removes the data of a rig that is down. Only a folder that we made: its owner is the servers' user."""
        data = pathlib.Path(state["data"])
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(data)
            ours = data.parent == self.folder or data.name.startswith("portcullis-rig-")
            if ours and stat.S_ISDIR(found.st_mode) and found.st_uid == self.user.uid:
                shutil.rmtree(data, ignore_errors=True)
        self.record.unlink(missing_ok=True)


def environment(home):
    """What a server sees of ours: nothing, but where programs are. SWIFT_BACKTRACE: a crash prints no memory."""
    return {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "HOME": str(home), "LANG": "C.UTF-8",
        "TZ": "UTC", "SWIFT_BACKTRACE": "enable=no",
    }


def without_core_dumps():
    """They may hold secrets. Inherited by everything that we start."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports(count):
    """Ports below those that the kernel gives to clients.

    A server that is killed and started again must find its port free: in the clients' range a connection of anybody,
    even of one who tries to reach that very server and meets himself, could have taken it.
    """
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(15000, low) if low > 16000 else range(20000, 32768)
    ports = []
    for port in random.SystemRandom().sample(candidates, 400):
        if len(ports) == count:
            break
        if is_free(port):
            ports.append(port)
    if len(ports) < count:
        raise RigError(f"no {count} free ports between {candidates.start} and {candidates.stop - 1} on 127.0.0.1.")
    return ports


def holder(port):
    """Who listens on a port, as words; empty when that cannot be seen."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            for link in os.listdir(f"/proc/{name}/fd") if name.isdigit() else []:
                if os.readlink(f"/proc/{name}/fd/{link}") in inodes:
                    return f" by process {name} ({pathlib.Path(f'/proc/{name}/comm').read_text().strip()})"
    return ""


def require_free(ports):
    """Says which of the ports are taken, and by whom."""
    taken = [f"port {port} of 127.0.0.1 is taken{holder(port)}" for port in ports if not is_free(port)]
    if taken:
        raise RigError("; ".join(taken) + ". End that first.")
