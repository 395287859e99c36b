"""Renews the figures in the docs, in tables and prose, from one run."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks import cost, traffic
from tests.benchmarks.contestants import ROOT
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Measurements

DOCS = ROOT / "docs"
LINE = 100
"""Characters."""


def write(bounded: list[Figure], raw: list[Figure], measured: Measurements) -> None:
    """Replace what stands between the pages' markers; raises `ValueError` without markers."""
    pages = {
        DOCS / "performance.md": {
            "bounds": _bounds_table(bounded),
            "measured": _measured_table(raw),
            "memory": _memory_table(measured),
            "default memory": default_memory(measured),
            "access log": access_log(measured),
            "fixed cost": fixed_cost(),
            "regions": _regions_table(measured),
            "lifetimes": _lifetimes_table(measured),
            "user pool": _pool_table(),
        },
        DOCS / "decisions" / "2-no-boto3-in-the-functions.md": {"imports": imports(measured)},
    }
    for path, texts in pages.items():
        renew(path, texts)


def renew(path: Path, texts: Mapping[str, str]) -> None:
    """Replace what stands between a page's markers; raises `ValueError` without markers."""
    page = path.read_text()
    for name, text in texts.items():
        page = _replace(page, name, text)
    path.write_text(page)


def _replace(page: str, name: str, text: str) -> str:
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, found_start, rest = page.partition(start)
    _, found_end, after = rest.partition(end)
    if not (found_start and found_end):
        raise ValueError(f"a page has no markers {start.strip()} … {end.strip()}")
    return f"{before}{start}{text}{end}{after}"


def _bounds_table(lines: list[Figure]) -> str:
    rows = "".join(
        f"| {line.figure} | {line.text} | {line.relation} {line.bound:g} | {line.verdict} |\n"
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


def _regions_table(measured: Measurements) -> str:
    names = " | ".join(f"{region.name} (`{region.code}`)" for region in traffic.REGIONS)
    rows = "".join(
        f"| {name} | "
        + " | ".join(f"${dollars(region):.{digits}f}" for region in traffic.REGIONS)
        + " |\n"
        for name, dollars, digits in traffic.region_rows(measured)
    )
    return f"| | {names} |\n|---|{'---|' * len(traffic.REGIONS)}\n{rows}"


def _lifetimes_table(measured: Measurements) -> str:
    names = [region.name for region in traffic.REGIONS]
    head = ["`tokenLifetimeSeconds`", "tokens a month", *(f"a month in {name}" for name in names)]
    head += [f"asking twice, {name}" for name in names]
    head.append("a user who has signed out syncs on for up to")
    rows = "".join(
        "| "
        + " | ".join(
            [
                str(each.lifetime),
                f"{each.tokens / cost.MILLION:.1f} million",
                *(f"${dollars:.2f}" for dollars in (*each.once, *each.twice)),
                f"{each.syncs_on // 60} minutes",
            ]
        )
        + " |\n"
        for each in traffic.lifetimes(measured)
    )
    return f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n{rows}"


def _pool_table() -> str:
    tiers = list(traffic.POOL_PER_USER)
    rows = "".join(
        f"| {users:,} | {' | '.join(f'${traffic.pool(tier, users):,.0f}' for tier in tiers)} |\n"
        for users in traffic.POOL_USERS
    )
    head = " | ".join(f"`{tier}`" for tier in tiers)
    return f"| users active in a month | {head} |\n|---|{'---|' * len(tiers)}\n{rows}"


def default_memory(measured: Measurements) -> str:
    """What speaks for the default size."""
    sizes = {size.memory_mb: size for size in cost.memory_sizes(measured)}
    default, smallest = sizes[cost.MEMORY_MB], sizes[min(sizes)]
    return _paragraph(
        "The bold line is the default. A token takes so little CPU that memory hardly shows in its"
        " price, while a cold start takes half as long with twice the memory: the default starts in"
        f" an estimated {default.cold_start:.2f} s where the smallest takes"
        f" {smallest.cold_start:.2f} s, for {(default.million - smallest.million) * 100:.1f} cents"
        " a million more. Memory beyond 1,769 MB adds cores, of which one token at a time can use"
        " one."
    )


def access_log(measured: Measurements) -> str:
    """What the access log adds."""
    line, million = cost.access_log_bytes(), cost.access_log(cost.MILLION, free_gb=0)
    tokens = cost.models(measured)["ours"].per_token * cost.MILLION
    free = cost.LOG_FREE_GB * cost.GB / line / cost.MILLION
    return _paragraph(
        f"The access log, which is always on, comes on top: {line} bytes a request,"
        f" {cost.LOG_LINE_OVERHEAD} of them CloudWatch's own, at ${cost.LOG_PER_GB:.2f} per GB."
        f" The first {cost.LOG_FREE_GB} GB a month are free, for all logs of an account together;"
        f" with nothing else in them, that is a month of {free:.0f} million tokens. Beyond that a"
        f" million tokens cost ${tokens:.2f} and ${million:.2f} for their log:"
        f" **${tokens + million:.2f}**."
    )


def fixed_cost() -> str:
    """What is paid whatever the traffic, by year."""
    reads = len(cost.RING_READERS) * cost.ring_reads()
    first, second, later = map(cost.fixed_cost, (1, 8, 15))
    return _paragraph(
        f"Fixed, a month: the customer key ${cost.CUSTOMER_KEY_PER_MONTH:.2f}, the secret"
        f" ${cost.SECRET_PER_MONTH:.2f}, and ${reads:.2f} for reads of the key ring, if a container"
        f" of {' and one of '.join(f'`{name}`' for name in cost.RING_READERS)} are in use all"
        f" month: each reads it every {cost.RING_READ_INTERVAL} s, however many tokens it gives, so"
        f" each further one adds ${cost.ring_reads():.2f}. Looking at the published JWKS every"
        f" {cost.WATCH_INTERVAL // 60} minutes is ${cost.watch():.2f}. That makes"
        f" **${first:.2f}** in the first seven years. The key's material is renewed every seven"
        " years, and AWS charges"
        " another dollar a month for each of the first two times: it is"
        f" **${second:.2f}** from the eighth year and **${later:.2f}** from the fifteenth on."
    )


def imports(measured: Measurements) -> str:
    """What boto3 and other signers would add to a cold start."""
    ours = measured["import.ours"]
    return _paragraph(
        f"Importing boto3 and making one client takes {measured['import.boto3'] / ours:.1f} times"
        " the CPU of what we import instead, `httptools` and"
        " `aws-request-signer`. botocore's signer alone takes"
        f" {measured['import.botocore_signer'] / ours:.1f} times as much. (The whole cold start of"
        f" the JWKS function takes {measured['ours.cold_jwks'] / ours:.1f} times as much.)"
    )


def _paragraph(text: str) -> str:
    return textwrap.fill(text, LINE, break_long_words=False, break_on_hyphens=False) + "\n"
