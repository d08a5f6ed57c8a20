"""What `up` is asked for."""

import os
import pathlib

import rig_nodes
import rig_place
from rig_process import RigError

PARTS = ("postgres", "redis", "nodes", "haproxy", "nginx")
DEFAULT = ("postgres", "redis", "nodes", "haproxy")
# Of `make up`; the stores' ports are the rig's own business.
FIXED = {"haproxy": 8080, "nodes": 8081, "harness": 8090, "ops": 9081}


def pairs(texts, what):
    """NAME=VALUE words as a dictionary."""
    result = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise RigError(f"{what} `{text}` is not NAME=VALUE.")
        result[name] = value
    return result


class Plan:
    def __init__(self, arguments):
        self.parts = tuple(arguments.only.split(",")) if arguments.only else DEFAULT
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise RigError(f"unknown part `{unknown[0]}`; there are: {', '.join(PARTS)}.")
        self.standby, self.fsync, self.fixed = arguments.standby, not arguments.no_fsync, arguments.fixed
        self.harness = arguments.harness
        if self.harness and "haproxy" not in self.parts:
            raise RigError("a port for a load generator (--harness) needs haproxy.")
        self.postgres_options = pairs(arguments.postgres_option, "the setting of Postgres")
        self.redis_options = pairs(arguments.redis_option, "the setting of Redis")
        self.nodes = arguments.nodes
        if not 1 <= self.nodes <= 9:
            raise RigError("there are 1 to 9 nodes.")
        self.database_url, self.redis_url = arguments.database_url, arguments.redis_url
        self.node_settings = pairs(arguments.set, "the setting of the nodes")
        self.faketime = pairs(arguments.faketime, "the clock of a node")
        self.server = pathlib.Path(arguments.server or rig_nodes.default_server())
        self.admin_password = os.environ.get("PORTCULLIS_ADMIN_PASSWORD") or None
        self.owner = arguments.owner

    def settings(self, node):
        """Of one node: those of all, and over them those that begin with its name and a colon."""
        common = {name: value for name, value in self.node_settings.items() if ":" not in name}
        mine = node + ":"
        own = {name[len(mine):]: value for name, value in self.node_settings.items() if name.startswith(mine)}
        return {**common, **own}

    def described(self):
        """What tells one plan from another."""
        described = {
            "parts": list(self.parts), "standby": self.standby, "fsync": self.fsync, "fixed": self.fixed,
            "harness": self.harness, "postgres": self.postgres_options, "redis": self.redis_options,
        }
        if "nodes" in self.parts:
            try:
                found = self.server.stat()
            except OSError as error:
                raise RigError(f"no server at {self.server} ({error.strerror}). Build it: make build") from error
            described.update(
                nodes=self.nodes, database=self.database_url, redis_url=self.redis_url, set=self.node_settings,
                faketime=self.faketime, server=[str(self.server), found.st_ino, found.st_mtime_ns],
                admin_password=self.admin_password)
        return described

    def is_met_by(self, state):
        """Whether what is up is what is asked for. Any password will do when none is."""
        old, new = state["plan"], self.described()
        if new.get("admin_password") is None and "admin_password" in new:
            new["admin_password"] = old.get("admin_password")
        return old == new

    def names(self):
        """Each port by the name of who listens there."""
        names = [part for part in ("postgres", "redis", "haproxy", "nginx") if part in self.parts]
        if self.standby and "postgres" in self.parts:
            names.append("standby")
        if self.harness:
            names.append("harness")
        if "nodes" in self.parts:
            for number in range(1, self.nodes + 1):
                names += [f"node{number}", f"ops{number}"]
        return names

    def ports(self):
        """All ports, none of them taken at this moment."""
        ports = {}
        if self.fixed:
            if "haproxy" in self.parts:
                ports["haproxy"] = FIXED["haproxy"]
            if self.harness:
                ports["harness"] = FIXED["harness"]
            for number in range(1, self.nodes + 1) if "nodes" in self.parts else ():
                ports[f"node{number}"] = FIXED["nodes"] + number - 1
                ports[f"ops{number}"] = FIXED["ops"] + number - 1
            rig_place.require_free(ports.values())
        others = [name for name in self.names() if name not in ports]
        ports.update(zip(others, rig_place.free_ports(len(others))))
        return ports
