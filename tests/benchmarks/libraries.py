"""What the libraries would cost that do what is written by hand here: cold start, size, behaviour.

    PYTHONPATH=infra:lambda_src python -m tests.benchmarks.libraries               prints it
    PYTHONPATH=infra:lambda_src python -m tests.benchmarks.libraries --write-docs  renews the page

Each is installed into a folder of its own, beside the packages of the zip, and imported there where
ours is. Versions are the latest ones that fit those of the lock.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks import contestants, documents
from tests.benchmarks.contestants import ROOT
from tests.benchmarks.processes import import_cost
from tests.loopback import dripping

PAGE = ROOT / "docs" / "decisions" / "16-what-is-written-by-hand.md"
STARTS = 3
LIMIT = 2.0
"""Seconds that each HTTP client is given."""
DRIPPING = 8.0
"""Seconds for which the server sends a byte now and then."""

_FUNCTION = "import fastapi, mangum, jwt, ssl"
"""What a token function imports in any case."""


@dataclass(frozen=True)
class Candidate:
    """A library, or our own code where `package` is None.

    Attributes:
        instead_of: The module of ours.
        package: What is installed.
        use: Statements that make it ready for use.
        ask: An expression that asks `url` within `LIMIT` seconds, for HTTP clients.
    """

    instead_of: str
    package: str | None
    use: str
    ask: str | None = None


CANDIDATES = [
    Candidate(
        "identity/provider_http",
        None,
        "from token_service.identity import provider_http",
        "provider_http.send_request(url)",
    ),
    Candidate(
        "identity/provider_http",
        "httpx",
        "import httpx; client = httpx.Client()",
        f"client.get(url, timeout={LIMIT})",
    ),
    Candidate(
        "identity/provider_http",
        "urllib3",
        "import urllib3; client = urllib3.PoolManager()",
        f"client.request('GET', url, timeout=urllib3.Timeout(total={LIMIT}), retries=False)",
    ),
    Candidate(
        "identity/provider_http",
        "requests",
        "import requests; client = requests.Session()",
        f"client.get(url, timeout={LIMIT})",
    ),
    Candidate("aws/aws_json", None, "from token_service.aws import aws_json"),
    Candidate("aws/aws_json", "boto3", "import boto3; boto3.client('secretsmanager', 'us-east-1')"),
    Candidate(
        "aws/aws_json",
        "botocore",
        "import botocore.session as s; s.Session().create_client('secretsmanager', 'us-east-1')",
    ),
    Candidate("identity/credentials", None, "from token_service.identity import credentials"),
    Candidate("identity/credentials", "joserfc", "from joserfc import jwt, jwk"),
]


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU, bytes unpacked, and seconds for which a dripping server held the client."""

    cpu: float
    size: int
    held: float | None


def measure(candidate: Candidate, zip_tree: Path, folder: Path) -> Cost:
    """Install it, import it beside what the function has anyway, and ask the dripping server."""
    added = folder / (candidate.package or "ours")
    if candidate.package is not None:
        _install(candidate.package, added)
    path = os.pathsep.join(map(str, (zip_tree, added)))
    env = {**os.environ, "PYTHONPATH": path}
    starts = [import_cost(candidate.use, env, after=_FUNCTION) for _ in range(STARTS)]
    held = None
    if candidate.ask is not None:
        with dripping(DRIPPING) as url:
            held = _held(candidate, url, env)
    return Cost(median(starts), _added(added, zip_tree), held)


def _install(package: str, folder: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--compile-bytecode"]
    command += ["--constraint", str(ROOT / "requirements" / "dev.txt")]
    subprocess.run([*command, "--target", str(folder), package], check=True)


def _added(folder: Path, zip_tree: Path) -> int:
    """Bytes, unpacked and without bytecode, of what the zip does not have already."""
    top = {path.name for path in zip_tree.iterdir()}
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and path.relative_to(folder).parts[0] not in {*top, "bin"}
    )


def _held(candidate: Candidate, url: str, env: dict[str, str]) -> float:
    """Seconds until the client has given up, or has what the server has sent."""
    code = (
        f"import time\nurl = {url!r}\n{candidate.use}\nbegan = time.monotonic()\n"
        f"try:\n    {candidate.ask}\nexcept Exception:\n    pass\n"
        "print(time.monotonic() - began)"
    )
    command = [sys.executable, "-s", "-P", "-c", code]
    finished = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return float(finished.stdout)


def table(costs: list[tuple[Candidate, Cost]]) -> str:
    """A row for each candidate."""
    head = "| instead of | library | CPU at a cold start | unpacked | held by a server that drips |"
    rows = "".join(
        f"| `{candidate.instead_of}` | {candidate.package or 'ours'} | {cost.cpu * 1e3:.0f} ms"
        f" | {f'{cost.size / 1e6:.1f} MB' if candidate.package else ''}"
        f" | {'' if cost.held is None else f'{cost.held:.1f} s'} |\n"
        for candidate, cost in costs
    )
    return f"{head}\n|---|---|---|---|---|\n{rows}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-docs", action="store_true", help="renew the page's table")
    write_docs: bool = parser.parse_args().write_docs
    with tempfile.TemporaryDirectory(prefix="libraries-") as name:
        folder = Path(name)
        tree = contestants.unpack_ours(folder)
        text = table([(each, measure(each, tree, folder / "added")) for each in CANDIDATES])
    print(text)
    if write_docs:
        documents.renew(PAGE, {"libraries": text})


if __name__ == "__main__":
    main()
