"""Redis of a rig. It keeps nothing on disk: a restart is a restart with empty data."""

import contextlib
import secrets
import shutil
import socket

from rig_process import RigError

USER = "portcullis"
START_SECONDS = 20


class Redis:
    def __init__(self, rig):
        self.rig, self.program = rig, shutil.which("redis-server")
        if self.program is None:
            raise RigError(
                "Redis is not installed. Run: scripts/install-packages redis-server (or make test-packages).")

    def up(self, port, options):
        password = secrets.token_hex(16)
        path = self.rig.data / "sockets" / "redis"
        folder = self.rig.subfolder("redis")
        settings = {
            "bind": "127.0.0.1", "port": port, "unixsocket": path, "unixsocketperm": "700", "dir": folder,
            "save": '""', "appendonly": "no", "daemonize": "no", "enable-debug-command": "yes", "maxmemory": "256mb",
            "maxmemory-policy": "noeviction", **options,
        }
        lines = [f"{key} {value}" for key, value in settings.items()]
        # Nobody without a name and a password.
        lines += ["user default off", f"user {USER} on >{password} ~* &* +@all"]
        configuration = self.rig.write("redis/redis.conf", "\n".join(lines) + "\n")
        self.rig.state["servers"]["redis"] = {
            "kind": "redis", "port": port, "socket": str(path), "process": None, "password": password,
            "url": f"redis://{USER}:{password}@127.0.0.1:{port}/0",
            "socket_url": f"unix://{USER}:{password}@{path}?db=0", "command": [self.program, str(configuration)],
        }
        self.start("redis")

    def start(self, name):
        server = self.rig.state["servers"][name]
        self.rig.spawn(name, server["command"], self.rig.data / "redis")
        self.rig.await_ready(name, START_SECONDS, lambda: self.is_ready(name))

    def is_ready(self, name):
        server = self.rig.state["servers"][name]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server["port"]), 1) as connection:
            connection.sendall(f"AUTH {USER} {server['password']}\r\nPING\r\n".encode())
            reply = b""
            while reply.count(b"\r\n") < 2:
                more = connection.recv(256)
                if not more:
                    return False
                reply += more
            return reply == b"+OK\r\n+PONG\r\n"
        return False

    def urls(self):
        return {"redis": self.rig.state["servers"]["redis"]["url"]}
