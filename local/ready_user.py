"""The user that a local stack has from the beginning."""

import secrets
from contextlib import suppress

from local.aws import Aws

_USERNAME = "user@example.com"

_KEPT_AT = "/local-stack/password"
"""Kept in the embedded AWS, so that it is remembered with the user and not without."""


def ready_made_user(aws: Aws, pool_id: str, client_id: str) -> tuple[str, str]:
    """Makes the user in a user pool, or finds the remembered one.

    Returns:
        The user's name and password; the latter empty where the user has another one by now.
    """
    cognito, ssm = aws.client("cognito-idp"), aws.client("ssm")
    try:
        cognito.admin_get_user(UserPoolId=pool_id, Username=_USERNAME)
        kept = ssm.get_parameter(Name=_KEPT_AT, WithDecryption=True)
    except (cognito.exceptions.UserNotFoundException, ssm.exceptions.ParameterNotFound):
        pass
    else:
        password = str(kept["Parameter"]["Value"])
        try:
            cognito.initiate_auth(
                AuthFlow="USER_PASSWORD_AUTH",
                ClientId=client_id,
                AuthParameters={"USERNAME": _USERNAME, "PASSWORD": password},
            )
        except cognito.exceptions.NotAuthorizedException:
            return _USERNAME, ""
        return _USERNAME, password
    # Letters of both cases, digits and a symbol satisfy any password policy of Cognito's.
    password = f"Aa1-{secrets.token_urlsafe(18)}"
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=pool_id,
            Username=_USERNAME,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": _USERNAME},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    cognito.admin_set_user_password(
        UserPoolId=pool_id, Username=_USERNAME, Password=password, Permanent=True
    )
    # Last, so that what is found here is the user's; without it there will be another one.
    ssm.put_parameter(Name=_KEPT_AT, Value=password, Type="SecureString", Overwrite=True)
    return _USERNAME, password
