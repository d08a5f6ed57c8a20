"""Nodes are killed in the middle of what they do, stopped for a while, and one has a clock that is wrong."""

import signal

from fleet import FleetError, until
from row import ALWAYS, AWAY, Expectation, Row

# Found where `fleet` has found the launcher.
import rig_nodes


def kill(fleet, history):
    fleet.nodes[0].kill()


def start(fleet, history, held):
    fleet.nodes[0].start()


def stop(fleet, history):
    fleet.nodes[0].signal(signal.SIGSTOP)


def go_on(fleet, history, held):
    fleet.nodes[0].signal(signal.SIGCONT)


def both_stores_away(fleet, history):
    """The first node reaches neither store; the others do."""
    node = fleet.nodes[0]
    for proxy in (node.redis, *node.postgres.values()):
        proxy.refuse()


def both_stores_back(fleet, history, held):
    node = fleet.nodes[0]
    for proxy in (node.redis, *node.postgres.values()):
        proxy.pass_on()


def clock_ahead(fleet, history):
    """The first node starts anew with a wall clock five minutes ahead. Its fleet time is the database's."""
    node = fleet.nodes[0]
    node.stop()
    node.start(wait=False, **rig_nodes.preload("+300s"))
    until(lambda: node.lives() and node.probe("/livez", node.port) == 200, 20, "the node that is ahead answers")
    if node.probe("/readyz") != 503:
        raise FleetError("a node five minutes ahead calls itself ready")


def clock_right(fleet, history, held):
    fleet.nodes[0].stop()
    fleet.nodes[0].start()


def signing_keys(fleet):
    """The ids of the active key and of all in the JWKS of each node."""
    active = fleet.stores.sql("SELECT id FROM keys WHERE purpose = 'signing' AND state = 'active'")[0][0]
    served = [{key["kid"] for key in fleet.ask("GET", "/.well-known/jwks.json", node=number)[1]["keys"]}
              for number in range(len(fleet.nodes))]
    return active, served


def rotate(fleet, history):
    """A planned rotation of the signing keys, as it comes when the next one has been known for long enough."""
    fleet.stores.sql("UPDATE keys SET created_at = created_at - 3600000, changed_at = changed_at - 3600000")
    before, _ = signing_keys(fleet)
    status, reply = fleet.admin("POST", "/api/v1/admin/keys/rotate", {}, node=1)
    if status != 200:
        raise FleetError(f"rotate: {status} {reply}")
    return before


def rotated(fleet, history, before):
    """Another key signs, and every node serves it, the one of before and the next."""
    after, served = signing_keys(fleet)
    if after == before or any(not {before, after} < keys for keys in served):
        raise FleetError(f"the signing key was {before} and is {after}; nodes serve {served}")


FIRST = frozenset({"node1"})

ROWS = [
    Row("node kill -9 in the middle", Expectation(silent=FIRST), kill, start, quick=True),
    Row("node SIGSTOP 5 s", Expectation(silent=FIRST), stop, go_on, seconds=5, quick=True),
    Row("node cut off from both stores",
        Expectation(during=AWAY, is_felt=True), both_stores_away, both_stores_back, seconds=6),
    Row("clock of a node 5 min ahead",
        Expectation(during={kind: told | {503} for kind, told in ALWAYS.items()}, silent=FIRST),
        clock_ahead, clock_right),
    Row("planned key rotation", Expectation(), rotate, rotated),
]
