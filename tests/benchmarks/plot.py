"""The plot of the cost in the docs."""

from xml.etree.ElementTree import Element

import pygal
from pygal.style import CleanStyle

from tests.benchmarks import cost
from tests.benchmarks.documents import DOCS
from tests.benchmarks.measure import Measurements

PLOT = DOCS / "cost.svg"
TRAFFIC = (1, 2, 5, 10, 20, 50, 100)
"""Millions of tokens a month."""


def write(measured: Measurements) -> None:
    """Draw it anew."""
    PLOT.write_text(plot(measured))


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
        title="Cost of tokens (us-east-1), without the access log",
        x_title=(
            "million tokens a month; the access log adds"
            f" ${cost.access_log(cost.MILLION, free_gb=0):.2f} for each beyond"
            f" the account's free {cost.LOG_FREE_GB} GB"
        ),
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
