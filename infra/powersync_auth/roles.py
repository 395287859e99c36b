"""Who the functions are to IAM: one role each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.endpoints import asked
from powersync_auth.policies import assumed_by, policy

if TYPE_CHECKING:
    from powersync_auth.naming import Names
    from powersync_auth.policies import Statement
    from powersync_auth.settings import Settings


class FunctionRole(pulumi.ComponentResource):
    """The role of one function, made before the function and before what names the role.

    Roles are the same in all regions of an account, so the region is a part of the name. A role
    that is to have another name belongs to a component of another name or type as well: it is then
    made beside the former one, which goes when everything else has changed. Replacing it in its
    place could delete it while its function still runs.

    Produces:
        role: The IAM role. It may do nothing until `allow` is called.
        name, arn: What others need to name it.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:FunctionRole", names.logical(name), None, opts)
        self._name = names.logical(name)
        region = aws.get_region_output(opts=asked(self)).region
        self.role = aws.iam.Role(
            self._name,
            name=region.apply(lambda region: names.physical(name, region=region)),
            assume_role_policy=assumed_by("lambda.amazonaws.com"),
            permissions_boundary=settings.told(
                lambda told: told.permissions_boundary or None, "permissions_boundary"
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = self.role.name
        self.arn = self.role.arn
        self.register_outputs({"arn": self.arn})

    def allow(self, *statements: Statement) -> aws.iam.RolePolicy:
        """Lets the function do what the statements say, and nothing else."""
        return aws.iam.RolePolicy(
            self._name,
            name="own-log-and-what-it-needs",
            role=self.name,
            policy=policy(*statements),
            opts=pulumi.ResourceOptions(parent=self),
        )


@dataclass(frozen=True)
class Roles:
    """The functions' roles; `auth_anonymous` is there only when anonymous tokens are enabled."""

    jwks: FunctionRole
    auth: FunctionRole
    auth_anonymous: FunctionRole | None
    rotate: FunctionRole

    @property
    def ring_readers(self) -> list[FunctionRole]:
        """The roles that read the key ring."""
        return [r for r in (self.auth, self.auth_anonymous, self.rotate) if r is not None]


def make_roles(
    settings: Settings, names: Names, opts: pulumi.ResourceOptions | None = None
) -> Roles:
    """Makes the roles of the functions that the settings ask for."""

    def role(name: str) -> FunctionRole:
        return FunctionRole(name, settings, names, opts)

    return Roles(
        jwks=role("jwks"),
        auth=role("auth"),
        auth_anonymous=role("auth-anonymous") if settings.anonymous.enabled else None,
        rotate=role("rotate"),
    )
