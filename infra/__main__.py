"""PowerSync authentication on AWS, from the stack's configuration to its outputs."""

import pulumi

from component import PowerSyncAuth
from configuration import configured

auth = PowerSyncAuth(pulumi.get_project(), configured())
for output, value in auth.outputs.items():
    pulumi.export(output, value)
