"""Renews the figures in docs/performance.md and the plot beside it from one run."""

from xml.etree.ElementTree import Element

import pygal
from pygal.style import CleanStyle

from tests.benchmarks import cost
from tests.benchmarks.contestants import ROOT
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Measurements

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "cost.svg"
TRAFFIC = (1, 2, 5, 10, 20, 50, 100)
"""Millions of tokens a month."""


def write(bounded: list[Figure], raw: list[Figure], measured: Measurements) -> None:
    """Replace what stands between the page's markers; raises `ValueError` without markers."""
    page = PAGE.read_text()
    page = _replace(page, "bounds", _bounds_table(bounded))
    page = _replace(page, "measured", _measured_table(raw))
    page = _replace(page, "memory", _memory_table(measured))
    PAGE.write_text(page)
    PLOT.write_text(plot(measured))


def _replace(page: str, name: str, text: str) -> str:
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, found_start, rest = page.partition(start)
    _, found_end, after = rest.partition(end)
    if not (found_start and found_end):
        raise ValueError(f"{PAGE} has no markers {start.strip()} … {end.strip()}")
    return f"{before}{start}{text}{end}{after}"


def _bounds_table(lines: list[Figure]) -> str:
    rows = "".join(
        f"| {line.figure} | {line.text} | {line.relation} {line.bound:g} |"
        f" {'yes' if line.holds else '**no**'} |\n"
        for line in lines
    )
    return f"| figure | measured | bound | holds |\n|---|---|---|---|\n{rows}"


def _measured_table(lines: list[Figure]) -> str:
    rows = "".join(f"| {line.figure} | {line.text} |\n" for line in lines)
    return f"| measured | value |\n|---|---|\n{rows}"


def _memory_table(measured: Measurements) -> str:
    head = (
        "| `memoryMb` | 1 M tokens | cold start | 1 M seconds of waiting"
        " | one warm instance, a month | one snapshot, a month |\n|---|---|---|---|---|---|\n"
    )
    return head + "".join(
        f"| {f'**{size.memory_mb}**' if size.memory_mb == cost.MEMORY_MB else size.memory_mb}"
        f" | ${size.million:.3f} | {size.cold_start:.2f} s | ${size.waiting:.2f}"
        f" | ${size.provisioned:.2f} | ${size.snapshot:.2f} |\n"
        for size in cost.memory_sizes(measured)
    )


def plot(measured: Measurements) -> str:
    """An SVG, without scripts: dollars a month against tokens a month, both logarithmic."""
    chart = pygal.XY(
        logarithmic=True,
        js=[],
        no_prefix=True,  # otherwise every rendering has other ids
        pretty_print=True,
        disable_xml_declaration=True,
        style=CleanStyle,
        width=800,
        height=480,
        title="Cost of tokens (us-east-1)",
        x_title="million tokens a month",
        y_title="$ a month",
        legend_at_bottom=True,
        dots_size=3,
    )
    for name, model in cost.models(measured).items():
        chart.add(
            name,
            [(millions, round(model.month(millions * cost.MILLION), 2)) for millions in TRAFFIC],
        )
    chart.add_xml_filter(_without_scripts)
    chart.x_labels = TRAFFIC
    chart.y_labels = (1, 10, 100, 1000)
    return str(chart.render())


def _without_scripts(root: Element) -> Element:
    for parent in [*root.iter()]:
        for script in parent.findall("script"):
            parent.remove(script)
    return root
