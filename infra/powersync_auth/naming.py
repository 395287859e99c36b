"""Names of things in Pulumi and in AWS, within their rules, and the tags that they all carry."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Names:
    """What the things of one `PowerSyncAuth` are called, so that no two of them share a name.

    All begin with the name of the component, but where that is the project's, which the names have
    anyhow or do not need: a project that is nothing else has short ones.

    Attributes:
        instance: The logical name of the component.
    """

    instance: str

    def logical(self, name: str) -> str:
        """Names a resource for Pulumi: `jwks`, or `eu-jwks` for the component `eu`."""
        return f"{self._prefix}{name}"

    def physical(self, name: str, *, limit: int = 64, region: str | None = None) -> str:
        """Names a resource after project, stack, component and `name`: `powersync-auth-dev-jwks`.

        Args:
            name: What it is, in lower case and hyphens.
            limit: Longest name that AWS takes for this kind of resource; 64 is the strictest here
                (IAM roles, Lambda functions, EventBridge rules).
            region: The stack's region, for what is the same in all regions of an account.

        Returns:
            Letters, digits, hyphens and underscores only. Names that have others, or are too long,
            are shortened and end with a hash, so that two stacks never share one.
        """
        project, stack = pulumi.get_project(), pulumi.get_stack()
        if region is not None:
            name = f"{region}-{name}"
        full = f"{project}-{stack}-{self._prefix}{name}"
        if len(full) <= limit and re.fullmatch(r"[A-Za-z0-9_-]+", full):
            return full
        whole = f"{project}/{stack}/{self.instance}" if self._prefix else stack
        end = f"-{hashlib.sha256(whole.encode()).hexdigest()[:8]}-{name}"
        own = f"{stack}-{self.instance}" if self._prefix else stack
        # Where names are what they were before there was a component, they have to stay so.
        head = _allowed(project)[: limit - len(end) - 1]
        room = limit - len(head) - len(end) - 1
        return f"{head}-{_allowed(own)[:room].strip('-')}{end}"

    @property
    def _prefix(self) -> str:
        return "" if self.instance == pulumi.get_project() else f"{self.instance}-"


def _allowed(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)


def stack_tags() -> dict[str, str]:
    """The tags that every resource of the stack has."""
    return {
        "project": pulumi.get_project(),
        "stack": pulumi.get_stack(),
        "managed-by": "pulumi",
    }


def add_tags(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """Tags a resource, where it takes tags, with the project, the stack and the tool.

    A transformation of what is in the component rather than the provider's `defaultTags`: an
    explicit provider would not see the stack's `aws:` configuration (profile, roles to assume), and
    the provider is the user's.
    """
    # pulumi-aws's constructors pass `tags`, set or not, where the resource has them.
    if not args.type_.startswith("aws:") or "tags" not in args.props:
        return None
    # None of ours has any of its own, but a transformation of the program's may have come before.
    ours, theirs = stack_tags(), args.props["tags"]
    tags: pulumi.Input[dict[str, str]] = ours
    if theirs:
        tags = pulumi.Output.from_input(theirs).apply(lambda given: {**ours, **given})
    return pulumi.ResourceTransformationResult({**args.props, "tags": tags}, args.opts)
