#!/usr/bin/env python3
"""`make faults`: real servers are broken under load; the design's invariants are held against what clients saw.

    Tests/Faults/matrix.py --binary .build/release/portcullis --rounds 1
    Tests/Faults/matrix.py --binary .build/debug/portcullis --quick
    Tests/Faults/matrix.py --binary … --row "postgres kill -9"

Histories of rows that broke a promise are in .build/faults.
"""

import argparse
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import row as rows  # noqa: E402
import rows_node  # noqa: E402
import rows_postgres  # noqa: E402
import rows_redis  # noqa: E402
import rows_rolling  # noqa: E402
from fleet import ROOT, Fleet, FleetError  # noqa: E402

ROWS = rows_redis.ROWS + rows_postgres.ROWS + rows_node.ROWS + rows_rolling.ROWS
OUT = ROOT / ".build" / "faults"
CLIENTS = 24


def cells(outcome):
    seen = "; ".join(
        f"{kind} " + " ".join(f"{status}x{count}" for status, count in sorted(row.items(), key=str))
        for kind, row in sorted(outcome.seen.items()))
    return (
        outcome.row.name, f"{outcome.requests}", f"{outcome.worst:.2f} s", f"{outcome.recovery:.1f} s",
        "good" if outcome.is_good else f"BROKEN ({len(outcome.breaches)})", seen)


def show(outcomes):
    table = [("row", "requests", "worst", "recovery", "I1-I8", "seen meanwhile"), *map(cells, outcomes)]
    widths = [max(len(line[index]) for line in table) for index in range(5)]
    for line in table:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[5]]))


def attempt(row, fleet, number):
    begin = time.monotonic()
    # New users for each row: what one has left behind cannot help or harm another.
    clients = fleet.make_clients(CLIENTS, f"r{number}-")
    outcome = rows.run(row, fleet, clients)
    verdict = "good" if outcome.is_good else "BROKEN"
    print(f"faults: {row.name}: {verdict}, {time.monotonic() - begin:.0f} s", flush=True)
    for breach in outcome.breaches[:8]:
        print(f"  {breach}", flush=True)
    if not outcome.is_good:
        OUT.mkdir(parents=True, exist_ok=True)
        path = OUT / f"{number:03}-{row.name.replace(' ', '-')}.jsonl"
        outcome.history.write(path)
        print(f"  history: {path.relative_to(ROOT)}", flush=True)
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="the short matrix")
    parser.add_argument("--row", action="append", help="only rows with this in their name")
    options = parser.parse_args()
    chosen = [row for row in ROWS if not options.quick or row.quick]
    if options.row:
        chosen = [row for row in ROWS if any(name in row.name for name in options.row)]
    if not chosen:
        parser.error("no such row")
    outcomes = []
    try:
        fleet = Fleet(options.binary)
        try:
            for number, row in enumerate(chosen * options.rounds):
                outcomes.append(attempt(row, fleet, number))
        finally:
            for node in fleet.nodes:
                if outcomes and not all(outcome.is_good for outcome in outcomes):
                    OUT.mkdir(parents=True, exist_ok=True)
                    (OUT / f"{node.name}.log").write_bytes(node.log.read_bytes())
            fleet.close()
    except FleetError as error:
        print(f"faults: {error}", file=sys.stderr)
        return 1
    show(outcomes)
    broken = sum(not outcome.is_good for outcome in outcomes)
    print(f"faults: {len(outcomes)} rows, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
