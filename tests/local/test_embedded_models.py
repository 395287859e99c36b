"""What MiniStack is told of AWS's services is what their models say."""

import json
import subprocess

from local.embedded.models import PROTOCOLS
from local.emulator import MINISTACK_PYTHON

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
