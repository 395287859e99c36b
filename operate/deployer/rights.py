"""What Pulumi's AWS provider calls for each kind of resource, as IAM names it.

From the calls that a real provider made for this program, AWS's service authorization reference,
and what AWS documents for tags, domain names and access logs. A provider of another version may
call more: AWS then says which action it missed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rights:
    """The actions for one kind of resource.

    Attributes:
        service: As IAM calls it.
        on_it: What is done to the resource itself, words without the service.
        of_it: Its ARNs without `arn:PARTITION:`; `{name}` is its name in AWS. Empty for what
            belongs to another resource of the service, and is reached by that one's ARN.
        created: What makes it where AWS chooses its name: allowed with the stack's tags only, and
            `on_it` for what has these tags.
        anywhere: What IAM cannot limit to a resource.
    """

    service: str
    on_it: str
    of_it: tuple[str, ...] = ()
    created: str = ""
    anywhere: str = ""

    @property
    def is_known_by_tags(self) -> bool:
        """Whether AWS chooses its name, so that its tags say whose it is."""
        return bool(self.created)


_TAGS = "TagResource UntagResource"
_VERBS = "GET POST PUT PATCH DELETE"

RIGHTS = {
    "iam/role": Rights(
        "iam",
        "CreateRole DeleteRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy"
        " ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole TagRole UntagRole",
        of_it=("iam::{account}:role/{name}",),
        anywhere="ListRoles",  # the program asks whether roles of a former release are there
    ),
    "iam/rolePolicy": Rights("iam", "PutRolePolicy GetRolePolicy DeleteRolePolicy"),
    "kms/key": Rights(
        "kms",
        "DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags"
        " PutKeyPolicy UpdateKeyDescription CreateAlias UpdateAlias DeleteAlias"
        " ScheduleKeyDeletion UntagResource",
        created="CreateKey TagResource",
        anywhere="ListAliases",
    ),
    "kms/alias": Rights(
        "kms",
        "CreateAlias UpdateAlias DeleteAlias",
        of_it=("kms:{region}:{account}:{name}",),
    ),
    "secretsmanager/secret": Rights(
        "secretsmanager",
        f"CreateSecret DeleteSecret DescribeSecret {_TAGS}",
        of_it=("secretsmanager:{region}:{account}:secret:{name}*",),  # AWS adds characters
    ),
    "secretsmanager/secretPolicy": Rights(
        "secretsmanager",
        "GetResourcePolicy PutResourcePolicy DeleteResourcePolicy ValidateResourcePolicy",
    ),
    "secretsmanager/secretRotation": Rights("secretsmanager", "RotateSecret CancelRotateSecret"),
    "ssm/parameter": Rights(
        "ssm",
        "PutParameter GetParameter DeleteParameter ListTagsForResource AddTagsToResource"
        " RemoveTagsFromResource",
        of_it=("ssm:{region}:{account}:parameter{name}",),
        anywhere="DescribeParameters",
    ),
    "cloudwatch/logGroup": Rights(
        "logs",
        "CreateLogGroup DeleteLogGroup PutRetentionPolicy ListTagsLogGroup ListTagsForResource"
        f" {_TAGS}",
        of_it=(
            "logs:{region}:{account}:log-group:{name}",
            "logs:{region}:{account}:log-group:{name}:*",
        ),
        anywhere="DescribeLogGroups",
    ),
    "cloudwatch/logMetricFilter": Rights(
        "logs", "PutMetricFilter DescribeMetricFilters DeleteMetricFilter"
    ),
    "lambda/function": Rights(
        "lambda",
        "CreateFunction DeleteFunction GetFunction GetFunctionConfiguration"
        " GetFunctionCodeSigningConfig ListVersionsByFunction PublishVersion UpdateFunctionCode"
        " UpdateFunctionConfiguration PutFunctionConcurrency DeleteFunctionConcurrency ListTags"
        f" {_TAGS}",
        of_it=(
            "lambda:{region}:{account}:function:{name}",
            "lambda:{region}:{account}:function:{name}:*",
        ),
    ),
    "lambda/alias": Rights("lambda", "CreateAlias GetAlias UpdateAlias DeleteAlias"),
    "lambda/permission": Rights("lambda", "AddPermission RemovePermission GetPolicy"),
    "lambda/invocation": Rights("lambda", "InvokeFunction"),
    "lambda/provisionedConcurrencyConfig": Rights(
        "lambda",
        "PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig"
        " DeleteProvisionedConcurrencyConfig",
    ),
    "apigatewayv2/api": Rights(
        "apigateway",
        _VERBS,
        # AWS chooses the number of an API.
        of_it=(
            "apigateway:{region}::/apis",
            "apigateway:{region}::/apis/*",
            "apigateway:{region}::/tags/*",
        ),
    ),
    "apigatewayv2/integration": Rights("apigateway", _VERBS),
    "apigatewayv2/route": Rights("apigateway", _VERBS),
    "apigatewayv2/stage": Rights(
        "apigateway",
        _VERBS,
        anywhere="logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery"
        " logs:DeleteLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy"
        " logs:DescribeResourcePolicies",  # what AWS asks of who switches an access log on
    ),
    "apigatewayv2/domainName": Rights(
        "apigateway",
        _VERBS,
        of_it=(
            "apigateway:{region}::/domainnames",
            "apigateway:{region}::/domainnames/{name}",
            "apigateway:{region}::/domainnames/{name}/*",
        ),
    ),
    "apigatewayv2/apiMapping": Rights("apigateway", _VERBS),
    "cloudwatch/eventRule": Rights(
        "events",
        f"PutRule DescribeRule DeleteRule ListTagsForResource {_TAGS}",
        of_it=("events:{region}:{account}:rule/{name}",),
    ),
    "cloudwatch/eventTarget": Rights("events", "PutTargets RemoveTargets ListTargetsByRule"),
    "sns/topic": Rights(
        "sns",
        "CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes ListTagsForResource"
        f" {_TAGS}",
        of_it=("sns:{region}:{account}:{name}",),
    ),
    "sns/topicPolicy": Rights("sns", "GetTopicAttributes SetTopicAttributes"),
    "sns/topicSubscription": Rights(
        "sns", "Subscribe", anywhere="GetSubscriptionAttributes Unsubscribe"
    ),
    "cloudwatch/metricAlarm": Rights(
        "cloudwatch",
        f"PutMetricAlarm DeleteAlarms ListTagsForResource {_TAGS}",
        of_it=("cloudwatch:{region}:{account}:alarm:{name}",),
        anywhere="DescribeAlarms",
    ),
    "cognito/userPool": Rights(
        "cognito-idp",
        "DescribeUserPool UpdateUserPool DeleteUserPool GetUserPoolMfaConfig SetUserPoolMfaConfig"
        f" ListTagsForResource {_TAGS}",
        created="CreateUserPool",
    ),
    "cognito/userPoolClient": Rights(
        "cognito-idp",
        "CreateUserPoolClient DescribeUserPoolClient UpdateUserPoolClient DeleteUserPoolClient",
    ),
}
"""By resource type, as Pulumi writes it between `aws:` and the class."""
