"""Postgres is killed, hangs, restarts, fails over, is full or read-only: "I do not know" is 503, and verify goes on."""

import subprocess

from fleet import FleetError
from row import AWAY, Expectation, Row


def rig(command, server="postgres"):
    return lambda fleet, history, *held: fleet.stores.rig(command, server)


def half_open(fleet, history):
    for node in fleet.nodes:
        for proxy in node.postgres.values():
            proxy.hold()


def slow(fleet, history):
    for node in fleet.nodes:
        for proxy in node.postgres.values():
            proxy.slow_down(0.4)


def passing(fleet, history, held):
    for node in fleet.nodes:
        for proxy in node.postgres.values():
            proxy.pass_on()
            proxy.reset()


def reset(fleet, history):
    for node in fleet.nodes:
        for proxy in node.postgres.values():
            proxy.reset()


def nothing(fleet, history, held):
    pass


def fail_over(fleet, history):
    """The primary dies; its standby takes its place after two seconds."""
    fleet.stores.rig("kill", "postgres")


def promote(fleet, history, held):
    fleet.stores.rig("promote", "standby")


def fail_back(fleet):
    """The former primary follows, and takes over again: the rows to come find what they began with."""
    fleet.stores.rig("rejoin", "postgres")
    fleet.stores.rig("kill", "standby")
    fleet.stores.rig("promote", "postgres")
    fleet.stores.rig("rejoin", "standby")


def exhaust(fleet, history):
    """There is no connection for the nodes any more (SQLSTATE 53300), and those that they had end."""
    fleet.stores.sql("ALTER ROLE portcullis CONNECTION LIMIT 0", admin=True)
    fleet.stores.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'portcullis'", admin=True)


def release(fleet, history, held):
    fleet.stores.sql("ALTER ROLE portcullis CONNECTION LIMIT -1", admin=True)


def read_only(setting):
    """Each transaction is read-only unless it says otherwise. ALTER SYSTEM itself writes a file, not a table."""
    def change(fleet, history, *held):
        url = fleet.stores.servers["postgres"]["admin_url"]
        ran = subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--dbname", url, "--command", f"ALTER SYSTEM {setting}",
             "--command", "SELECT pg_reload_conf()"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        if ran.returncode != 0:
            raise FleetError(ran.stderr)
    return change


ROWS = [
    Row("postgres kill -9", Expectation(during=AWAY, is_felt=True), rig("kill"), rig("start"), quick=True),
    Row("postgres SIGSTOP", Expectation(during=AWAY, is_felt=True), rig("stop"), rig("cont"), seconds=6),
    Row("postgres restart", Expectation(during=AWAY), rig("restart"), nothing),
    Row("postgres half-open", Expectation(during=AWAY, is_felt=True), half_open, passing),
    Row("postgres connections reset", Expectation(during=AWAY), reset, nothing, seconds=1),
    Row("postgres 800 ms slow", Expectation(during=AWAY, is_felt=True), slow, passing),
    Row("postgres connections exhausted", Expectation(during=AWAY, is_felt=True), exhaust, release),
    Row("postgres read-only", Expectation(during=AWAY, is_felt=True),
        read_only("SET default_transaction_read_only = on"), read_only("RESET default_transaction_read_only")),
    Row("postgres failover to the standby", Expectation(during=AWAY, is_felt=True), fail_over, promote,
        restore=fail_back, quick=True),
]
