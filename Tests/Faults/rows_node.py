"""Nodes are killed in the middle of what they do, stopped for a while, and one has a clock that is wrong."""

import signal
import sys

from fleet import ROOT, FleetError, until
from row import Expectation, Row

sys.path.insert(0, str(ROOT / "scripts"))

import rig_nodes  # noqa: E402

AT_OTHERS = {"login": {200, 429}, "refresh": {200, 401, 429}, "verify": {200, 401}, "logout": {204, 401}}


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


def rotate(fleet, history):
    """A planned rotation of the signing keys. One that is too early is answered when it may be."""
    status, reply = fleet.admin("POST", "/api/v1/admin/keys/rotate", {}, node=1)
    if status not in (200, 409):
        raise FleetError(f"rotate: {status} {reply}")
    return status


def rotated(fleet, history, held):
    jwks = {node.name: node.probe("/.well-known/jwks.json", node.port) for node in fleet.nodes}
    if set(jwks.values()) != {200}:
        raise FleetError(f"{jwks}")


FIRST = frozenset({"node1"})

ROWS = [
    Row("node kill -9 in the middle", Expectation(during=AT_OTHERS, silent=FIRST), kill, start, quick=True),
    Row("node SIGSTOP 5 s", Expectation(during=AT_OTHERS, silent=FIRST), stop, go_on, seconds=5, quick=True),
    Row("node cut off from both stores",
        Expectation(
            during={
                "login": {200, 429, 503}, "refresh": {200, 401, 429, 503}, "verify": {200, 401},
                "logout": {204, 401, 503}}, is_felt=True),
        both_stores_away, both_stores_back, seconds=6),
    Row("clock of a node 5 min ahead",
        Expectation(
            during={
                "login": {200, 429, 503}, "refresh": {200, 401, 429, 503}, "verify": {200, 401, 503},
                "logout": {204, 401, 503}}, silent=FIRST),
        clock_ahead, clock_right),
    Row("planned key rotation", Expectation(during=AT_OTHERS), rotate, rotated),
]
