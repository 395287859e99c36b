"""The table of figures: each with its bound, and the raw measurements behind them."""

import operator
from dataclasses import asdict, dataclass
from typing import Literal

from tests.benchmarks import cost
from tests.benchmarks.measure import Measurements

MB = 1_000_000
MIB = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One line; `bound` is None for a raw figure, `relation` says which side of it holds."""

    figure: str
    value: float
    unit: str
    bound: float | None = None
    relation: Literal["≤", "≥", "<"] = "≤"

    @property
    def text(self) -> str:
        """The value for people: three digits, without an exponent, and the unit."""
        return f"{float(f'{self.value:.3g}'):,.10g} {self.unit}".rstrip()

    @property
    def holds(self) -> bool | None:
        if self.bound is None:
            return None
        compare = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}[self.relation]
        return bool(compare(self.value, self.bound))

    def row(self) -> dict[str, object]:
        """As it stands in `.local/bench.json`."""
        return {
            **asdict(self),
            "relation": None if self.bound is None else self.relation,
            "holds": self.holds,
        }


def bounded(m: Measurements) -> list[Figure]:
    """The figures that have a bound."""
    bare_signed_in = m["bare.verify_rs256"] + m["bare.sign_es256"]
    calls = max(m["ours.anonymous_aws_calls"], m["ours.signed_in_aws_calls"])
    memory = max(m[f"ours.{name}_peak_memory"] for name in ("anonymous", "signed_in", "jwks"))
    million = cost.models(m)["ours"].per_token * cost.MILLION
    return [
        Figure(
            "CPU per anonymous token, ES256, warm ÷ bare ES256 signature",
            m["ours.anonymous"] / m["bare.sign_es256"],
            "times",
            5,
        ),
        Figure(
            "CPU per signed-in token ÷ (bare RS256 verification + bare ES256 signature)",
            m["ours.signed_in"] / bare_signed_in,
            "times",
            3,
        ),
        Figure(
            "CPU per JWKS answer ÷ CPU per anonymous token",
            m["ours.jwks"] / m["ours.anonymous"],
            "times",
            0.7,
        ),
        Figure(
            "CPU per JWKS 304 ÷ CPU per JWKS answer",
            m["ours.jwks_not_modified"] / m["ours.jwks"],
            "times",
            1,
            "<",
        ),
        Figure(
            "tokens per CPU second, ours at ES256 ÷ the original's way at RS256",
            m["original.rs256"] / m["ours.anonymous"],
            "times",
            10,
            "≥",
        ),
        Figure(
            "tokens per CPU second, both at RS256, ours ÷ the original's way",
            m["original.rs256"] / m["ours.anonymous_rs256"],
            "times",
            3,
            "≥",
        ),
        Figure(
            "cold start to the first anonymous token ÷ the tutorial build's",
            m["ours.cold_anonymous"] / m["tutorial.cold_anonymous"],
            "times",
            0.35,
        ),
        Figure(
            "cold start to the first JWKS ÷ the tutorial build's",
            m["ours.cold_jwks"] / m["tutorial.cold_jwks"],
            "times",
            0.20,
        ),
        Figure(
            "AWS calls by one warm container for 10,000 tokens over 10 simulated minutes",
            calls,
            "calls",
            3,
        ),
        Figure("zip for AWS, bytecode included", m["ours.zip_bytes"] / MB, "MB", 10),
        Figure("peak memory of a warm container", memory / MIB, "MiB", 75),
        Figure("marginal cost of 1 M tokens", million, "$", 1.25),
        Figure("fixed cost a month", cost.fixed_cost(1), "$", 2),
        Figure(
            "errors of 8 parallel clients, deployed locally",
            m["local.anonymous_errors"],
            "errors",
            0,
        ),
    ]


def raw(m: Measurements) -> list[Figure]:
    """What was measured, in units that fit."""
    lines = [_raw_figure(name, value) for name, value in m.items()]
    lines += [
        Figure(f"{name}: cost of 1 M tokens", model.per_token * cost.MILLION, "$")
        for name, model in cost.models(m).items()
    ]
    for size in cost.memory_sizes(m):
        name = f"with {size.memory_mb} MB"
        lines += [
            Figure(f"{name}: cost of 1 M tokens", size.million, "$"),
            Figure(f"{name}: cold start, estimated", size.cold_start * 1e3, "ms"),
        ]
    lines += [
        Figure(f"ours: fixed cost a month, year {year}", cost.fixed_cost(year), "$")
        for year in (2, 3)
    ]
    return lines


def _raw_figure(name: str, value: float) -> Figure:
    if name.endswith("_calls"):
        return Figure(name, value, "calls")
    if name.startswith("local."):
        counted = name.endswith(("_answers", "_errors"))
        return Figure(name, value, "") if counted else Figure(name, value * 1e3, "ms")
    if name.endswith("_bytes"):
        return Figure(name, value / MB, "MB")
    if name.endswith("_memory"):
        return Figure(name, value / MIB, "MiB")
    if ".cold_" in name or name.startswith("import."):
        return Figure(name, value * 1e3, "ms CPU")
    return Figure(name, value * 1e6, "µs CPU")
