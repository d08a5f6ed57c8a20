"""Postgres is killed, hangs, restarts, fails over, is full or read-only: "I do not know" is 503, and verify goes on."""

import subprocess

from fleet import FleetError
from row import Expectation, Row

# Section 8: 503 and nothing else where the authority is away; a refresh is not consumed, nobody is logged out. A ghost
# of a session that ended may be refused: nothing says otherwise. 429 comes before the database is asked.
AWAY = {
    "login": {200, 429, 503}, "refresh": {200, 401, 429, 503}, "verify": {200, 401}, "logout": {204, 401, 503},
}
IS_503 = {"login": 503, "refresh": 503}


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
    """Somebody else takes every connection that there is: the nodes lose theirs and find no other."""
    limit = int(fleet.stores.sql("SHOW max_connections", admin=True)[0][0])
    url = fleet.stores.servers["postgres"]["url"]
    # One that works in a loop takes the places of those that it ends.
    holders = [
        subprocess.Popen(
            ["psql", "--no-psqlrc", "--quiet", "--dbname", url, "--command", "SELECT pg_sleep(60)"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(limit)]
    fleet.stores.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'portcullis' "
        "AND query NOT LIKE '%pg_sleep%'", admin=True)
    return holders


def release(fleet, history, holders):
    for holder in holders:
        holder.kill()
    for holder in holders:
        holder.wait()
    fleet.stores.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' "
        "AND pid <> pg_backend_pid()", admin=True)


def read_only(is_on):
    def change(fleet, history, *held):
        fleet.stores.sql(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if is_on else 'off'}", admin=True) \
            if is_on else superuser_write(fleet)
        fleet.stores.sql("SELECT pg_reload_conf()", admin=True)
    return change


def superuser_write(fleet):
    """ALTER SYSTEM writes a file, not a table: it is allowed in a read-only transaction."""
    rows = fleet.stores.servers["postgres"]["admin_url"]
    ran = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--dbname", rows,
         "--command", "ALTER SYSTEM RESET default_transaction_read_only", "--command", "SELECT pg_reload_conf()"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    if ran.returncode != 0:
        raise FleetError(ran.stderr)


ROWS = [
    Row("postgres kill -9", Expectation(during=AWAY, seen=IS_503), rig("kill"), rig("start"), quick=True),
    Row("postgres SIGSTOP", Expectation(during=AWAY, seen=IS_503), rig("stop"), rig("cont"), seconds=6),
    Row("postgres restart", Expectation(during=AWAY), rig("restart"), nothing),
    Row("postgres half-open", Expectation(during=AWAY, seen=IS_503), half_open, passing),
    Row("postgres connections reset", Expectation(during=AWAY), reset, nothing, seconds=1),
    Row("postgres 800 ms slow", Expectation(during=AWAY, seen=IS_503), slow, passing),
    Row("postgres connections exhausted", Expectation(during=AWAY, seen=IS_503), exhaust, release),
    Row("postgres read-only", Expectation(during=AWAY, seen=IS_503), read_only(True), read_only(False)),
    Row("postgres failover to the standby", Expectation(during=AWAY, seen=IS_503), fail_over, promote,
        restore=fail_back, quick=True),
]
