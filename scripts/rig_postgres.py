"""Postgres of a rig: a primary and, when asked for, a standby without which the primary commits nothing.

Names: `postgres` and `standby`, by what they were at the start. Either can be the primary later (`promote`, `rejoin`);
the addresses in the record name both and ask for whoever takes writes.
"""

import glob
import pathlib
import secrets
import shutil
import signal
import subprocess
import urllib.parse

import rig_process
from rig_process import RigError

DATABASE = "portcullis"
# Superuser: for the rig itself, and for tests that do what an administrator does to a server.
ADMIN = "rig"
OWNER = "portcullis"
REPLICATION = "replication"
START_SECONDS = 60
# Whom a server waits for or follows, in a file of its own: it is not taken along to the other server, and the password
# in it is on no command line.
ROLE = "role.conf"


def programs():
    """The folder of the newest installed Postgres' programs."""
    found = [pathlib.Path(path).parent for path in glob.glob("/usr/lib/postgresql/*/bin/postgres")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    if on_path is None:
        raise RigError("Postgres is not installed. Run: scripts/install-packages postgresql (or make test-packages).")
    return pathlib.Path(on_path).resolve().parent


def url(user, password, hosts, **options):
    query = "?" + urllib.parse.urlencode(options, safe="/") if options else ""
    return f"postgresql://{user}:{password}@{hosts}/{DATABASE}{query}"


class Postgres:
    def __init__(self, rig):
        self.rig, self.programs = rig, programs()

    # What is on disk

    def create(self, port, options, fsync):
        """The cluster, its roles and its database. Nothing runs yet."""
        folder = self.rig.subfolder("postgres")
        words = {name: secrets.token_hex(16) for name in (ADMIN, OWNER, REPLICATION)}
        password = self.rig.write("password", words[ADMIN])
        self.run(
            "initdb", "--pgdata", folder, "--username", ADMIN, f"--pwfile={password}", "--auth=scram-sha-256",
            "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
        password.unlink()
        with open(folder / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"include_if_exists = '{ROLE}'\n")
        # Before the start: later a commit would wait for the standby.
        sql = (
            f"CREATE ROLE {OWNER} LOGIN PASSWORD '{words[OWNER]}';\n"
            f"CREATE ROLE {REPLICATION} LOGIN REPLICATION PASSWORD '{words[REPLICATION]}';\n"
            f"CREATE DATABASE {DATABASE} OWNER {OWNER};\n")
        self.run("postgres", "--single", "-D", folder, "postgres", data=sql)
        self.rig.state["postgres"] = {"passwords": words, "options": options, "fsync": fsync}
        self.describe("postgres", port, role="primary")

    def describe(self, name, port, role):
        """The record of a server that does not run yet, and how to reach it."""
        words = self.rig.state["postgres"]["passwords"]
        sockets = self.rig.data / "sockets"
        self.rig.state["servers"][name] = {
            "kind": "postgres", "port": port, "socket": f"{sockets}/.s.PGSQL.{port}", "role": role, "process": None,
            "url": url(OWNER, words[OWNER], f"127.0.0.1:{port}"),
            "admin_url": url(ADMIN, words[ADMIN], f"127.0.0.1:{port}"),
            "socket_url": url(OWNER, words[OWNER], "", host=sockets, port=port),
        }

    def copy(self, source, name):
        """Makes `name` a copy of the running `source` that will follow it."""
        folder = self.rig.data / name
        self.release_memory(name)
        shutil.rmtree(folder, ignore_errors=True)
        self.rig.subfolder(name)
        self.run(
            "pg_basebackup", "--pgdata", folder, "--host", self.rig.data / "sockets", "--port",
            self.server(source)["port"], "--username", REPLICATION, "--wal-method=stream", "--checkpoint=fast",
            "--no-sync", password=REPLICATION)
        word, port = self.rig.state["postgres"]["passwords"][REPLICATION], self.server(source)["port"]
        self.rig.write(
            f"{name}/{ROLE}", f"primary_conninfo = 'host=127.0.0.1 port={port} user={REPLICATION} password={word} "
            f"application_name={name} connect_timeout=2'\n")
        self.rig.write(f"{name}/standby.signal", "")

    def set_synchronous(self, primary, standby):
        """Lets the primary wait for the standby, or for nobody. In force after its next start or `reload`."""
        self.rig.write(f"{primary}/{ROLE}", f"synchronous_standby_names = '{standby or ''}'\n")

    def command(self, name):
        """How it is started. Settings on the command line win over every file."""
        server, state = self.server(name), self.rig.state["postgres"]
        settings = {
            "listen_addresses": "127.0.0.1", "port": server["port"], "cluster_name": name,
            "unix_socket_directories": self.rig.data / "sockets", "max_connections": 100, "shared_buffers": "32MB",
            "wal_level": "replica", "max_wal_senders": 6, "wal_keep_size": "256MB", "hot_standby": "on",
            "synchronous_commit": "on", "fsync": "on" if state["fsync"] else "off",
            # A standby looks again soon; the default is 5 s.
            "wal_retrieve_retry_interval": "200ms", "wal_receiver_status_interval": "1s",
            # Shared memory goes with the folder, also after SIGKILL.
            "dynamic_shared_memory_type": "mmap", "logging_collector": "off", "log_line_prefix": "%m [%p] %q%u@%d ",
            "timezone": "UTC", "log_timezone": "UTC", **state["options"],
        }
        flags = [flag for key, value in settings.items() for flag in ("-c", f"{key}={value}")]
        return [self.programs / "postgres", "-D", self.rig.data / name, *flags]

    # What runs

    def up(self, port, options, fsync, standby_port=None):
        self.create(port, options, fsync)
        if standby_port is None:
            return self.start("postgres")
        self.set_synchronous("postgres", "standby")
        self.start("postgres")
        self.describe("standby", standby_port, role="standby")
        self.follow("standby", "postgres")

    def follow(self, name, primary):
        """Makes `name` the synchronous standby of a running primary, and starts it."""
        self.server(name).update(role="standby", follows=primary)
        self.copy(primary, name)
        self.start(name)
        self.rig.await_ready(name, START_SECONDS, lambda: self.is_synchronous(primary, name))

    def start(self, name):
        folder = self.rig.data / name
        # Nothing of it runs, which is known by start time; an unreaped zombie would still look alive to Postgres.
        self.release_memory(name)
        (folder / "postmaster.pid").unlink(missing_ok=True)
        port = self.server(name)["port"]
        (self.rig.data / "sockets" / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)
        self.rig.spawn(name, self.command(name), folder)
        self.rig.await_ready(name, START_SECONDS, lambda: self.is_ready(name))

    def promote(self, name):
        server = self.server(name)
        if server["role"] != "standby":
            raise RigError(f"{name} is no standby.")
        self.run("pg_ctl", "promote", "--pgdata", self.rig.data / name, "--wait", f"--timeout={START_SECONDS}")
        other = server.pop("follows")
        server["role"] = "primary"
        self.server(other)["role"] = "former"

    def rejoin(self, name):
        """A former primary becomes the synchronous standby of whoever took its place."""
        if self.server(name)["role"] != "former":
            raise RigError(f"{name} is no former primary.")
        self.rig.end(name)
        primary = "standby" if name == "postgres" else "postgres"
        self.follow(name, primary)
        self.set_synchronous(primary, name)
        rig_process.send(self.server(primary)["process"], signal.SIGHUP)
        self.rig.await_ready(primary, START_SECONDS, lambda: self.is_synchronous(primary, name, "sync"))

    def is_ready(self, name):
        return self.ask(name, "SELECT 1") == "1"

    def is_synchronous(self, primary, name, state=None):
        """Whether it follows; with the primary waiting for it when `state` is `sync`, or when one is configured."""
        column, wanted = "sync_state", "sync"
        if state is None and not self.ask(primary, "SHOW synchronous_standby_names"):
            column, wanted = "state", "streaming"
        sql = f"SELECT {column} FROM pg_stat_replication WHERE application_name = '{name}'"
        return self.ask(primary, sql) == wanted

    # Tools

    def release_memory(self, name):
        """Frees the small System V segment that a Postgres leaves behind when it is killed: its pid file has the id."""
        try:
            words = (self.rig.data / name / "postmaster.pid").read_text().splitlines()[6].split()
        except (FileNotFoundError, IndexError):
            return
        subprocess.run(["ipcrm", "--shmem-id", words[1]], check=False, capture_output=True, **self.rig.user.drop)

    def server(self, name):
        return self.rig.state["servers"][name]

    def ask(self, name, sql):
        """The answer of the administrator's query as text, None when the server does not answer."""
        try:
            return self.run(
                "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--host", "127.0.0.1", "--port",
                self.server(name)["port"], "--username", ADMIN, "--dbname", DATABASE, "--command", sql,
                password=ADMIN).strip()
        except RigError:
            return None

    def run(self, program, *arguments, data=None, password=None):
        environment = {**self.rig.environment(), "PGCONNECT_TIMEOUT": "3"}
        if password:
            environment["PGPASSWORD"] = self.rig.state["postgres"]["passwords"][password]
        return rig_process.run(
            [self.programs / program, *arguments], self.rig.user, environment, program, self.rig.data, data=data)

    def urls(self):
        """`database` is what a node is given: every server, and whoever of them takes writes."""
        words = self.rig.state["postgres"]["passwords"]
        names = [name for name in ("postgres", "standby") if name in self.rig.state["servers"]]
        hosts = ",".join(f"127.0.0.1:{self.server(name)['port']}" for name in names)
        options = {"target_session_attrs": "read-write"} if len(names) > 1 else {}
        return {
            "database": url(OWNER, words[OWNER], hosts, **options),
            "database_admin": url(ADMIN, words[ADMIN], hosts, **options),
        }
