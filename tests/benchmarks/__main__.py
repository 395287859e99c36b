"""`make bench`: measures ours beside what it is compared with, and says which bounds hold.

    make bench                       a table, and .local/bench.json
    make bench ARGS=--quick          a rough run, for work on the benchmark itself
    make bench ARGS=--write-docs     also renew the figures in docs/performance.md and its plot

Ends with status 1 if a bound does not hold.
"""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from tests.benchmarks import documents, figures
from tests.benchmarks.contestants import ROOT
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Effort, measure

RESULTS = ROOT / ".local" / "bench.json"
QUICK = Effort(sessions=1, rounds=15, cold_starts=3, load_seconds=5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough run")
    parser.add_argument("--write-docs", action="store_true", help="renew docs/performance.md")
    options = parser.parse_args()
    console = Console()
    with console.status("measuring") as status:
        measured = measure(QUICK if options.quick else Effort(), status.update)
    bounded, raw = figures.bounded(measured), figures.raw(measured)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps([figure.row() for figure in [*bounded, *raw]], indent=2, ensure_ascii=False)
    )
    console.print(_table("Bounds", bounded), _table("Measured", raw))
    console.print(f"written to {RESULTS.relative_to(ROOT)}")
    if options.write_docs:
        documents.write(bounded, raw, measured)
    return 0 if all(figure.holds for figure in bounded) else 1


def _table(title: str, lines: list[Figure]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right")
    if any(line.bound is not None for line in lines):
        table.add_column("bound", justify="right")
        table.add_column("holds")
    for line in lines:
        cells = [line.figure, line.text]
        if line.bound is not None:
            cells += [f"{line.relation} {line.bound:g}", "yes" if line.holds else "NO"]
        table.add_row(*cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
