"""Redis is killed, hangs, forgets, changes its password, is slow. Nobody is refused for it and nobody logged out."""

from row import Expectation, Row

def rig(command):
    return lambda fleet, history, *held: fleet.stores.rig(command, "redis")


def wrong_password(fleet, history):
    """The password changes and every connection that had the right one ends."""
    fleet.stores.redis("ACL", "SETUSER", "portcullis", "resetpass", ">another")
    for node in fleet.nodes:
        node.redis.reset()


def right_password(fleet, history, held):
    """Redis starts with the password of its configuration."""
    fleet.stores.rig("restart", "redis")


def slow(seconds):
    def begin(fleet, history):
        for node in fleet.nodes:
            node.redis.slow_down(seconds)
    return begin


def cut(fleet, history):
    for node in fleet.nodes:
        node.redis.cut()


def half_open(fleet, history):
    for node in fleet.nodes:
        node.redis.hold()


def trickle(fleet, history):
    for node in fleet.nodes:
        node.redis.trickle()


def passing(fleet, history, held):
    for node in fleet.nodes:
        node.redis.pass_on()
        node.redis.reset()


def nothing(fleet, history, held):
    pass


ROWS = [
    Row("redis kill -9", Expectation(), rig("kill"), rig("start"), quick=True),
    Row("redis SIGSTOP", Expectation(), rig("stop"), rig("cont")),
    Row("redis restart, empty", Expectation(), rig("restart"), nothing),
    Row("redis wrong password", Expectation(), wrong_password, right_password),
    Row("redis 300 ms slow", Expectation(), slow(0.15), passing, quick=True),
    Row("redis cut", Expectation(), cut, nothing, seconds=1),
    Row("redis half-open", Expectation(), half_open, passing),
    Row("redis a byte a second", Expectation(), trickle, passing),
]
