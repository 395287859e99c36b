"""The functions are declared with the runtime and the processor that the zip is built for."""

import re
import zipfile

import pytest

from powersync_auth.bundle import AWS, lambda_bundle
from tests.infra.plan import Plan

LAMBDA_NAMES = {"aarch64": "arm64", "x86_64": "x86_64"}
"""How Lambda calls the processors that compiled extensions are named for."""


@pytest.fixture(scope="module")
def names() -> list[str]:
    with zipfile.ZipFile(lambda_bundle(target=AWS)) as archive:
        return archive.namelist()


def test_the_declared_runtime_is_the_one_of_the_extensions_and_the_bytecode(
    names: list[str], full_plan: Plan
) -> None:
    found = {
        match[1]
        for name in names
        if (match := re.search(r"\.cpython-3(\d+)[-.][^/]*(so|pyc)$", name))
    }
    declared = {function.inputs["runtime"] for function in full_plan.of("Function").values()}
    assert declared == {f"python3.{minor}" for minor in found}


def test_the_declared_processor_is_the_one_of_the_extensions(
    names: list[str], full_plan: Plan
) -> None:
    found = {
        match[1]
        for name in names
        if (match := re.search(r"\.cpython-\d+-(\w+)-linux-gnu\.so$", name))
    }
    declared = [function.inputs["architectures"] for function in full_plan.of("Function").values()]
    assert declared == [[LAMBDA_NAMES[machine] for machine in found]] * 4
