"""IAM: roles and their policies."""

from local.aws import Aws, arguments, given_or_made_up_name, tag_list
from local.resource import Created, Resource
from local.resources.registry import makes


@makes("aws:iam/role:Role")
def role(aws: Aws, resource: Resource) -> Created:
    """Creates a role."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        rename={"assumeRolePolicy": "AssumeRolePolicyDocument"},
        leave_out={"name", "namePrefix"},
    )
    created = aws.client("iam").create_role(RoleName=name, Tags=tag_list(resource.inputs), **given)[
        "Role"
    ]
    return Created(name, {"arn": created["Arn"], "name": name})


@makes("aws:iam/rolePolicy:RolePolicy")
def role_policy(aws: Aws, resource: Resource) -> Created:
    """Puts an inline policy into a role."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    role_name = resource.inputs["role"]
    aws.client("iam").put_role_policy(
        RoleName=role_name, PolicyName=name, PolicyDocument=resource.inputs["policy"]
    )
    return Created(f"{role_name}:{name}", {"name": name})
