"""Names of things in AWS, within its rules, and the tags that they all carry."""

from __future__ import annotations

import hashlib
import re

import pulumi


def physical_name(name: str, *, limit: int = 64, region: str | None = None) -> str:
    """Names a resource after project, stack and `name`: `powersync-auth-dev-jwks`.

    Args:
        name: What it is, in lower case and hyphens.
        limit: Longest name that AWS takes for this kind of resource; 64 is the strictest here
            (IAM roles, Lambda functions, EventBridge rules).
        region: The stack's region, for what is the same in all regions of an account.

    Returns:
        Letters, digits, hyphens and underscores only. A stack's name that has others, or is too
        long, is shortened and ends with a hash, so that two stacks never share a name.
    """
    stack = pulumi.get_stack()
    project = pulumi.get_project()
    if region is not None:
        name = f"{region}-{name}"
    full = f"{project}-{stack}-{name}"
    if len(full) <= limit and re.fullmatch(r"[A-Za-z0-9_-]+", full):
        return full
    digest = hashlib.sha256(stack.encode()).hexdigest()[:8]
    room = limit - len(f"{project}---{digest}-{name}") + 1
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", stack)[:room].strip("-")
    return f"{project}-{readable}-{digest}-{name}"


def stack_tags() -> dict[str, str]:
    """The tags that every resource of the stack has."""
    return {
        "project": pulumi.get_project(),
        "stack": pulumi.get_stack(),
        "managed-by": "pulumi",
    }


def tag_everything() -> None:
    """Tags every resource that takes tags with the project, the stack and the tool.

    A stack transformation rather than the provider's `defaultTags`: an explicit provider would
    not see the stack's `aws:` configuration (profile, roles to assume), and `Pulumi.yaml` does
    not know the name of the stack.
    """
    tags = stack_tags()

    def add_tags(
        args: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult | None:
        # pulumi-aws's constructors pass `tags`, set or not, where the resource has them.
        if not args.type_.startswith("aws:") or "tags" not in args.props:
            return None
        return pulumi.ResourceTransformationResult({**args.props, "tags": tags}, args.opts)

    pulumi.runtime.register_stack_transformation(add_tags)
