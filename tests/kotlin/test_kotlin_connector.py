"""The documented Kotlin connector, compiled against PowerSync's SDK for the JVM and tested."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Figure
from tests.docs.snippets import ROOT, fenced
from tests.patience import PATIENT

KOTLIN = Path(__file__).parent
USAGE = ROOT / ".local" / "kotlin" / "usage" / "Usage.kt"
REPOSITORY = ROOT / ".local" / "maven"


def test_the_kotlin_connector_passes_its_own_tests(figure: Figure) -> None:
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(
                f"{program} is not there: the Kotlin connector is compiled by Maven on a JDK"
            )
    (usage,) = fenced("docs/clients/README.md", "kotlin")
    declared = """
import com.powersync.PowerSyncDatabase

object yourLogin {
    fun accessToken(force: Boolean): String? = "credential".takeIf { !force }
    fun show() {}
}
object yourBackend {
    suspend fun upload(database: PowerSyncDatabase) {
        database.getNextCrudTransaction()?.complete(null)
    }
}
lateinit var yourStorage: DeviceTokenStorage
"""
    USAGE.parent.mkdir(parents=True, exist_ok=True)
    USAGE.write_text(declared + usage)
    run = subprocess.run(
        [
            *("mvn", "--batch-mode", "--strict-checksums", "-Dstyle.color=never"),
            *(f"-Dmaven.repo.local={REPOSITORY}", "test"),
        ],
        cwd=KOTLIN,
        env={**os.environ, "MAVEN_OPTS": "-XX:TieredStopAtLevel=1"},
        capture_output=True,
        text=True,
        timeout=4 * PATIENT,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr
    total = re.findall(
        r"Tests run: (\d+), Failures: 0, Errors: 0, Skipped: 0$", run.stdout, re.MULTILINE
    )
    assert total, run.stdout[-4000:]
    written = sum(file.read_text().count("@Test\n") for file in KOTLIN.glob("src/*.kt"))
    assert int(total[-1]) == written
    figure("tests of the Kotlin connector on the JVM", written)
