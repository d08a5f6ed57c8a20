"""Rolling restarts of every node behind a real balancer, under load: nobody sees a 5xx or a connection that breaks."""

import subprocess
import threading

from clients import Target
from fleet import USER, free_port, until
from row import Expectation, Row

# Found where `fleet` has found the launcher.
import rig_balancers

NEVER = frozenset({500, 502, 503, 504, "reset", "refused", "timeout"})
# A balancer that probes four times a second has seen a node come back by then.
SETTLING = 1.0


class Balancer:
    """HAProxy or nginx as deploy/ configures it, before the nodes of a fleet."""

    def __init__(self, fleet, kind):
        self.fleet, self.kind, self.port = fleet, kind, free_port()
        folder = fleet.folder / kind
        folder.mkdir(exist_ok=True)
        USER.own(folder)
        ports = {8080: self.port, **{8081 + index: node.port for index, node in enumerate(fleet.nodes)}}
        text = rig_balancers.rendered(rig_balancers.shipped(rig_balancers.FILES[kind]), ports, len(fleet.nodes))
        configuration = folder / rig_balancers.FILES[kind]
        configuration.write_text(rig_balancers.prepared(kind, text, folder), encoding="utf-8")
        with open(fleet.folder / f"{kind}.log", "ab") as log:
            self.process = subprocess.Popen(
                rig_balancers.command(kind, configuration, folder), cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, **USER.drop)
        until(lambda: fleet.nodes[0].probe("/readyz", self.port) == 200, 20, f"{kind} answers")

    def targets(self):
        return [Target(self.kind, self.port)]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def behind(kind):
    def targets(fleet):
        fleet.balancer = Balancer(fleet, kind)
        return fleet.balancer.targets()
    return targets


def roll(fleet, history):
    waiting = threading.Event()
    for node in fleet.nodes:
        history.mark(f"{node.name} is asked to end")
        node.stop()
        history.mark(f"{node.name} has ended")
        node.start()
        waiting.wait(SETTLING)


def nothing(fleet, history, held):
    pass


def stop_balancer(fleet):
    fleet.balancer.stop()


def rolling(kind, quick):
    return Row(
        f"rolling restart behind {kind}", Expectation(statuses_never=NEVER), roll, nothing,
        seconds=1, restore=stop_balancer, targets=behind(kind), quick=quick)


ROWS = [rolling("haproxy", True), rolling("nginx", False)]
