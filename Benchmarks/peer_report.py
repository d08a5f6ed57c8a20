"""What `make bench-peers` found, as tables, as a file, and in README.md between two comments."""

import json
import statistics
import sys

import rig

BEGIN, END = "<!-- bench-peers -->", "<!-- /bench-peers -->"


def step(text):
    print(f"bench-peers: {text}", file=sys.stderr, flush=True)


def round_line(number, found):
    shown = [f"{name} {figures['us'][-1]:.2f} us" for name, figures in found["verify"].items()]
    shown += [f"{name} {figures['ms'][-1]:.2f} ms" for name, figures in found["login"].items()]
    step(f"round {number}: {', '.join(shown)}")


class Report:
    """Medians over the rounds, and the ratio to the bare responder: the median of those of each round."""

    def __init__(self, found, base):
        self.found = found
        self.verify, self.login = [], []
        bare = found["verify"][base]["us"]
        for name, figures in found["verify"].items():
            ratios = [cost / least for cost, least in zip(figures["us"], bare)]
            ratio = span(ratios, "x", 2) if name != base else ""
            self.verify.append((name, span(figures["us"], " us", 2), ratio, rate(figures)))
        for name, figures in found["login"].items():
            self.login.append((name, span(figures["ms"], " ms", 1), rate(figures)))

    def tables(self):
        """(heads, rows) of each."""
        yield ("verify", "CPU per request (rounds)", "against the bare responder (rounds)", "requests/s"), self.verify
        yield ("login", "CPU per login (rounds)", "logins/s"), self.login

    def notes(self):
        """What the tables need to be read rightly, a sentence a line."""
        for name, why in self.found["not measured"].items():
            yield f"Not measured: {name}, since {why}."
        redis = [cost for figures in self.found["verify"].values() for cost in figures["redis us"]]
        if redis:
            yield f"Redis uses another {statistics.median(redis):.0f} us for each request to FastAPI."

    def text(self):
        """For a terminal."""
        lines = []
        for heads, rows in self.tables():
            table = [heads, *rows]
            widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
            lines += [""] + ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        return "\n".join([*lines, "", *self.notes()])

    def markdown(self):
        blocks = []
        for heads, rows in self.tables():
            lines = [heads, ("---",) * len(heads), *rows]
            blocks.append("\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines))
        notes = "\n".join(self.notes())
        return "\n\n".join([*blocks, notes] if notes else blocks)

    def save(self, path):
        summary = {heads[0]: [dict(zip(heads, row)) for row in rows] for heads, rows in self.tables()}
        path.write_text(json.dumps({"rows": summary, "rounds": self.found}, indent=2) + "\n")

    def write_readme(self, path):
        before, after = around_tables(path)
        path.write_text(f"{before}{BEGIN}\n{self.markdown()}\n{END}{after}", encoding="utf-8")


def around_tables(path):
    """What stands before and after the place of the tables."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after:
        raise rig.BenchError(f"{path.name} has not one place for the tables, between `{BEGIN}` and `{END}`")
    return before, after


def span(values, unit, digits):
    """The median, and the least and the most of all rounds."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"


def rate(figures):
    return f"{statistics.median(figures['per second']):,.0f}"
