"""What MiniStack is told instead of botocore's models is what they say; workers do without it."""

import io
import json
import subprocess
import zipfile

from local.aws import Aws
from local.embedded.without_botocore import PROTOCOLS
from local.emulator import MINISTACK_PYTHON, Emulator

ASKED = """
import json, sys
from ministack.core.responses import _service_model
print(json.dumps({name: dict(_service_model(name).metadata) for name in sys.argv[1:]}))
"""


def test_each_service_answers_by_the_protocol_of_its_model() -> None:
    asked = subprocess.run(
        [MINISTACK_PYTHON, "-c", ASKED, *PROTOCOLS], capture_output=True, text=True, check=True
    )
    metadata = json.loads(asked.stdout)
    told = {
        name: " ".join(filter(None, (each["protocol"], each.get("jsonVersion"))))
        for name, each in metadata.items()
    }
    assert told == PROTOCOLS


def test_a_worker_of_a_function_does_not_import_botocore() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("modules.py", "import sys\ndef handler(*_): return list(sys.modules)\n")
    with Emulator(enforce_iam=False) as emulator:
        functions = Aws(emulator.endpoint, "us-east-1").client("lambda")
        functions.create_function(
            FunctionName="modules",
            Role="arn:aws:iam::000000000000:role/any",
            Runtime="python3.13",
            Handler="modules.handler",
            Code={"ZipFile": archive.getvalue()},
        )
        answer = functions.invoke(FunctionName="modules")
    modules = json.load(answer["Payload"])
    assert "modules" in modules
    assert "botocore" not in modules
