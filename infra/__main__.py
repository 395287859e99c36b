"""PowerSync authentication on AWS, from the stack's configuration to its outputs."""

import pulumi

from powersync_auth.component import PowerSyncAuth
from powersync_auth.configuration import configured

auth = PowerSyncAuth(pulumi.get_project(), configured())
for output, value in auth.outputs.items():
    pulumi.export(output, value)
