"""Serves the component `PowerSyncAuth` to Pulumi programs of any language."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "infra"))

from powersync_auth.plugin import serve

serve()
