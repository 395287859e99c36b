"""The table of figures: each with its bound, and the raw measurements behind them."""

import operator
from dataclasses import asdict, dataclass
from typing import Literal

from powersync_auth.bundle import AWS
from tests.benchmarks import cost
from tests.benchmarks.measure import Measurements

MB = 1_000_000
MIB = 1024 * 1024
_NO_BYTECODE = f"no bytecode, for there is no Python {AWS.python_version} here to compile with"


@dataclass(frozen=True)
class Figure:
    """One line.

    Attributes:
        figure: What it is.
        value: How much of it, in `unit`.
        unit: As people write it.
        bound: None for a raw figure.
        relation: Which side of the bound holds.
        missing: What the figure promises and lacks, if anything; its bound does not hold then,
            whatever the value.
    """

    figure: str
    value: float
    unit: str
    bound: float | None = None
    relation: Literal["≤", "≥", "<"] = "≤"
    missing: str | None = None

    @property
    def text(self) -> str:
        """The value for people: three digits, without an exponent, and the unit."""
        return f"{float(f'{self.value:.3g}'):,.10g} {self.unit}".rstrip()

    @property
    def holds(self) -> bool | None:
        if self.bound is None:
            return None
        if self.missing is not None:
            return False
        compare = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}[self.relation]
        return bool(compare(self.value, self.bound))

    @property
    def verdict(self) -> str:
        """Whether the bound holds, in words; empty for a raw figure."""
        if self.bound is None:
            return ""
        return "yes" if self.holds else ": ".join(filter(None, ["NO", self.missing]))

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
            "CPU per anonymous token ÷ PyJWT's encode with a prepared key",
            m["ours.anonymous"] / m["bare.encode_es256"],
            "times",
            2.0,
        ),
        Figure(
            "CPU per signed-in token ÷ PyJWT's decode and encode with prepared keys",
            m["ours.signed_in"] / m["bare.decode_and_encode"],
            "times",
            1.3,
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
            "cold start to the first anonymous token ÷ importing FastAPI, Mangum, PyJWT and EC",
            m["ours.cold_anonymous"] / m["bare.cold_imports"],
            "times",
            1.25,
        ),
        Figure(
            "cold start to the first JWKS ÷ the bare interpreter",
            m["ours.cold_jwks"] / m["bare.cold_interpreter"],
            "times",
            2.5,
        ),
        Figure(
            "AWS calls by one warm container for 10,000 tokens over 10 simulated minutes",
            calls,
            "calls",
            3,
        ),
        Figure(
            "zip for AWS, bytecode included",
            m["ours.zip_bytes"] / MB,
            "MB",
            10,
            missing=None if m["ours.zip_bytecode_files"] else _NO_BYTECODE,
        ),
        Figure("peak memory of a warm container", memory / MIB, "MiB", 75),
        Figure("marginal cost of 1 M tokens: HTTP API, Lambda, calls to AWS", million, "$", 1.25),
        first_years(),
        Figure(
            "errors of 8 parallel clients, deployed locally",
            m["local.anonymous_errors"],
            "errors",
            0,
        ),
    ]


def raw(m: Measurements) -> list[Figure]:
    """What was measured, and what it costs."""
    lines = measured(m)
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
    return lines + _access_log(m) + fixed()


def measured(m: Measurements) -> list[Figure]:
    """What was measured alone, in units that fit."""
    return [_raw_figure(name, value) for name, value in m.items()]


def _access_log(m: Measurements) -> list[Figure]:
    line, million = cost.access_log_bytes(), cost.access_log(cost.MILLION, free_gb=0)
    within = cost.access_log(cost.MILLION, free_gb=cost.LOG_FREE_GB)
    return [
        Figure("access log: a line", line, "B"),
        Figure(
            f"access log: tokens whose lines are free, {cost.LOG_FREE_GB} GB a month",
            cost.LOG_FREE_GB * cost.GB / line / cost.MILLION,
            "million",
        ),
        Figure("access log: 1 M tokens within what is free", within, "$"),
        Figure("access log: 1 M tokens beyond it", million, "$"),
        Figure(
            "ours: cost of 1 M tokens with the access log beyond what is free",
            cost.models(m)["ours"].per_token * cost.MILLION + million,
            "$",
        ),
    ]


def first_years() -> Figure:
    """What is paid each month whatever the traffic; it needs no measurement."""
    return Figure("fixed cost a month, first seven years", cost.fixed_cost(1), "$", 2)


def fixed() -> list[Figure]:
    """The same in later years, and what more traffic adds to it."""
    return [
        Figure("ours: fixed cost a month, eighth year", cost.fixed_cost(8), "$"),
        Figure("ours: fixed cost a month, from the fifteenth year", cost.fixed_cost(15), "$"),
        Figure("each further container that is in use all month", cost.ring_reads(), "$"),
    ]


def _raw_figure(name: str, value: float) -> Figure:
    if name.startswith("local."):
        counted = name.endswith(("_answers", "_errors"))
        return Figure(name, value, "") if counted else Figure(name, value * 1e3, "ms")
    _, _, kind = name.rpartition("_")
    if ".cold_" in name or name.startswith("import."):
        kind = "start"
    unit, size = _UNITS.get(kind, ("µs CPU", 1e-6))
    return Figure(name, value / size, unit)


_UNITS = {
    "calls": ("calls", 1),
    "files": ("files", 1),
    "length": ("B", 1),
    "bytes": ("MB", MB),
    "memory": ("MiB", MIB),
    "start": ("ms CPU", 1e-3),
}
"""By what a measurement's name ends in, its unit, and how much one of that is."""
