"""Rolling restarts of every node behind a real balancer, under load: nobody sees a 5xx or a connection that breaks."""

from clients import Target
from row import Expectation, Row

ALL_WELL = {"login": {200, 429}, "refresh": {200, 401, 429}, "verify": {200, 401}, "logout": {204, 401}}
NEVER = frozenset({500, 502, 503, 504, "reset", "refused", "timeout"})
ROWS = []
