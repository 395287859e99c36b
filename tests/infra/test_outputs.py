"""What the stack tells its user."""

from tests.infra.plan import Plan


def test_default_outputs(default_plan: Plan) -> None:
    api = "https://api-id.execute-api.eu-central-1.amazonaws.com"
    assert default_plan.outputs == {
        "jwks_uri": f"{api}/.well-known/jwks.json",
        "token_url": f"{api}/token",
        "issuer": api,
        "audience": ["https://instance.powersync.journeyapps.com"],
        "powersync_client_auth": (
            f'client_auth:\n  jwks_uri: "{api}/.well-known/jwks.json"\n'
            '  audience:\n    - "https://instance.powersync.journeyapps.com"\n'
        ),
        "signing_secret_arn": default_plan.environment("rotate")["KEYRING_SECRET_ARN"],
        "rotate_function_name": "powersync-auth-dev-rotate",
        "jwks_parameter": "/powersync-auth-dev-jwks",
    }
