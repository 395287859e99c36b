"""`make bench`: measures ours beside what it is compared with, and says which bounds hold.

    make bench                       a table, and .local/bench.json
    make bench ARGS=--quick          a rough run, for work on the benchmark itself
    make bench ARGS=--write-docs     also renew the figures in docs/ and the plot

Says too by how much the ratios differ from those of the run before. Ends with status 1 if a bound
does not hold, and with 2 if others kept the machine too busy to tell.
"""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from tests.benchmarks import documents, figures, plot
from tests.benchmarks.contestants import ROOT
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Effort, measure
from tests.benchmarks.rounds import TooBusyError

RESULTS = ROOT / ".local" / "bench.json"
_WRITTEN = f"written to {RESULTS.relative_to(ROOT)}"
QUICK = Effort(sessions=1, rounds=15, cold_starts=3, load_seconds=5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough run")
    parser.add_argument("--write-docs", action="store_true", help="renew the figures in docs/")
    options = parser.parse_args()
    console = Console()
    try:
        with console.status("measuring") as status:
            measured = measure(QUICK if options.quick else Effort(), status.update)
    except TooBusyError as error:
        found = figures.measured(error.measured)
        _write(found)
        console.print(_table("Measured", found), str(error), _WRITTEN, sep="\n")
        return 2
    bounded, raw = figures.bounded(measured), figures.raw(measured)
    console.print(_table("Bounds", bounded), _table("Measured", raw))
    if (difference := _largest_difference(bounded)) is not None:
        console.print(f"ratios differ from those of the run before by at most {difference:.1%}")
    _write([*bounded, *raw])
    console.print(_WRITTEN)
    if options.write_docs:
        documents.write(bounded, raw, measured)
        plot.write(measured)
    return 0 if all(figure.holds for figure in bounded) else 1


def _write(found: list[Figure]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    rows = [figure.row() for figure in found]
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False))


def _largest_difference(bounded: list[Figure]) -> float | None:
    """Between the ratios of this run and of the one in `RESULTS`; None where there are none."""
    before = {}
    if RESULTS.exists():
        before = {row["figure"]: row["value"] for row in json.loads(RESULTS.read_text())}
    return max(
        (
            abs(figure.value / before[figure.figure] - 1)
            for figure in bounded
            if figure.unit == "times" and figure.figure in before
        ),
        default=None,
    )


def _table(title: str, lines: list[Figure]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right")
    if any(line.bound is not None for line in lines):
        table.add_column("bound", justify="right")
        table.add_column("holds", overflow="fold")
    for line in lines:
        cells = [line.figure, line.text]
        if line.bound is not None:
            cells += [f"{line.relation} {line.bound:g}", line.verdict]
        table.add_row(*cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
