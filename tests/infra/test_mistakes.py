"""Every setting's mistakes: each is reported with its key and what it should be."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import config as runtime_config

from powersync_auth import configuration
from powersync_auth.settings import Settings
from tests.infra.configured import CERTIFICATE, PROVIDER, load, provider
from tests.infra.plan import record

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"powersyncUrl": "ftp://x"}, "powersyncUrl: should be the URL"),
    ({"powersyncUrl": "http://example.com"}, "powersyncUrl: should be the URL"),
    ({"powersyncUrl": "https://x.example.com/"}, "powersyncUrl: should not end with a slash"),
    ({"powersyncUrl": "https://u:p@x.example.com"}, "powersyncUrl: should be the URL"),
    ({"powersyncUrl": "https://x.example.com?a=b"}, "powersyncUrl: should be the URL"),
    ({"powersyncUrl": "https://[x"}, "powersyncUrl: should be the URL"),
    ({"powersyncUrl": "https://x:99999"}, "powersyncUrl: should be the URL"),
    ({"audiences": [""]}, "audiences[0]: "),
    ({"audiences": "https://x"}, "audiences: should be a list"),
    ({"audiences": {"a": "b"}}, "audiences: should be a valid list"),
    ({"tokenLifetimeSeconds": 59}, "tokenLifetimeSeconds: should be greater than or equal to 60"),
    ({"tokenLifetimeSeconds": 86401}, "tokenLifetimeSeconds: should be less than or equal to 864"),
    ({"tokenLifetimeSeconds": "5 min"}, "tokenLifetimeSeconds: should be a whole number"),
    ({"tokenLifetimeSeconds": 300.5}, "tokenLifetimeSeconds: should be a valid integer"),
    ({"signingAlgorithm": "HS256"}, "signingAlgorithm: should be 'ES256'"),
    ({"signingAlgorithm": "PS256"}, "signingAlgorithm: should be 'ES256'"),
    ({"signingAlgorithm": "none"}, "signingAlgorithm: should be 'ES256'"),
    ({"rotationDays": 0}, "rotationDays: should be greater than or equal to 1"),
    ({"rotationDays": 1001}, "rotationDays: should be less than or equal to 1000"),
    ({"rotationDays": 1, "verifierCacheSeconds": 86400}, "rotationDays: should be at least 2: "),
    (
        {"legacyKeys": [{"jwk": {}, "until": "2027-01-31"}]},
        "legacyKeys[0].jwk: should be an RSA key",
    ),
    ({"verifierCacheSeconds": 0}, "verifierCacheSeconds: should be greater than or equal to 1"),
    (
        {
            "identityProviders": [
                {**PROVIDER, "subjectClaim": "email"},
                {**PROVIDER, "issuer": "https://other.example.com", "subjectClaim": "username"},
            ]
        },
        "identityProviders[1].subjectPrefix: should be given: users choose their subjectClaim",
    ),
    # Measured when everything else is right, since it is all settings together.
    (
        {"identityProviders": [{**PROVIDER, "audiences": ["a" * 4000]}]},
        "identityProviders: should be shorter",
    ),
    ({"identityProviders": [{"audiences": ["a"]}]}, "identityProviders[0].issuer: is missing"),
    (provider(issuer="http://login.example.com"), "identityProviders[0].issuer: should be an http"),
    (provider(issuer="https://"), "identityProviders[0].issuer: should be an https"),
    (provider(issuer="https://x.com/ "), "identityProviders[0].issuer: should be a URL without"),
    (provider(issuer="https://x.com/#a"), "identityProviders[0].issuer: should be a URL without"),
    (provider(issuer="https://[x"), "identityProviders[0].issuer: should be a URL"),
    (provider(audiences=[]), "identityProviders[0].clientIds: or audiences should be given"),
    (provider(algorithms=["HS256"]), "identityProviders[0].algorithms[0]: should be 'RS256'"),
    (provider(algorithms=["none"]), "identityProviders[0].algorithms[0]: should be 'RS256'"),
    (provider(algorithms=[]), "identityProviders[0].algorithms: "),
    (provider(jwksUri="http://x.com/keys"), "identityProviders[0].jwksUri: should be an https"),
    (provider(tokenUse="refresh"), "identityProviders[0].tokenUse: should be 'id' or 'access'"),
    (provider(requiredScopes=["a b"]), "identityProviders[0].requiredScopes[0]: "),
    (provider(claims={"role": "x"}), "identityProviders[0].claims: should not name role"),
    (provider(claims={"sub": "x", "exp": "y"}), "identityProviders[0].claims: should not name exp"),
    (provider(claims=["x"]), "identityProviders[0].claims: "),
    (provider(subjectClaim=""), "identityProviders[0].subjectClaim: "),
    (provider(checkSession={"cacheSeconds": -1}), "identityProviders[0].checkSession.cacheSeconds"),
    (provider(checkSession={"cacheSeconds": 301}), "identityProviders[0].checkSession.cacheSecond"),
    (provider(checkSession={"kind": "x"}), "identityProviders[0].checkSession.kind: should be"),
    (provider(checkSession={"apiKey": "\n"}), "identityProviders[0].checkSession.apiKey"),
    (provider(checkSession={"kind": "cognito"}), "identityProviders[0].checkSession: of kind cogn"),
    (provider(jwksUri="https://x.com/k\n"), "identityProviders[0].jwksUri: should be a URL"),
    (provider(issuer="https://x.com?a=b"), "identityProviders[0].issuer: should be a URL without"),
    (provider(issuer="https://ü.com"), "identityProviders[0].issuer: should be a URL"),
    (provider(clientSecret="geheim"), "identityProviders[0].clientSecret: no such key"),
    ({"identityProviders": [PROVIDER, PROVIDER]}, "identityProviders: should name the issuer"),
    (
        {
            **provider(issuer="https://auth.example.com"),
            "customDomain": {"name": "auth.example.com", "certificateArn": CERTIFICATE},
        },
        "identityProviders: should not name the issuer https://auth.example.com: it is this",
    ),
    (
        {
            "identityProviders": [PROVIDER, {**PROVIDER, "issuer": "https://auth.example.com/"}],
            "customDomain": {"name": "auth.example.com", "certificateArn": CERTIFICATE},
        },
        "identityProviders: should not name the issuer https://auth.example.com/: it is this",
    ),
    ({"createUserPool": "yes"}, "createUserPool: should be true or false"),
    ({"anonymous": True}, "anonymous: should be an object"),
    ({"anonymous": {"enabled": "yes"}}, "anonymous.enabled: should be a valid boolean"),
    ({"anonymous": {"subject": "each"}}, "anonymous.subject: should be 'per-device' or 'shared'"),
    ({"anonymous": {"rememberDays": 0}}, "anonymous.rememberDays: should be greater than"),
    (
        {"anonymous": {"formerTokens": "keep"}},
        "anonymous.formerTokens: should be 'exchange', 'issue'",
    ),
    ({"anonymous": {"on": True}}, "anonymous.on: no such key"),
    ({"corsOrigins": ["https://app.example.com/"]}, "corsOrigins[0]: should be an origin"),
    ({"corsOrigins": ["https://*.example.com"]}, "corsOrigins[0]: should be an origin"),
    ({"corsOrigins": ["capacitor://localhost"]}, "corsOrigins[0]: should begin with https://"),
    ({"corsOrigins": ["app.example.com"]}, "corsOrigins[0]: should be an origin"),
    ({"throttling": {"jwks": {"rate": 0, "burst": 1}}}, "throttling.jwks.rate: should be greater"),
    ({"throttling": {"token": {"rate": "x"}}}, "throttling.token.rate: should be a valid number"),
    ({"throttling": {"token": 5}}, "throttling.token: should be an object"),
    ({"throttling": {"anonymous": {"rate": 1, "burst": 0}}}, "throttling.anonymous.burst: should"),
    (
        {
            "audiences": ["https://auth.example.com"],
            "customDomain": {"name": "auth.example.com", "certificateArn": CERTIFICATE},
        },
        "customDomain: should not be among the audiences, as https://auth.example.com is",
    ),
    ({"throttling": {"all": {}}}, "throttling.all: no such key"),
    ({"customDomain": {"name": "auth.example.com"}}, "customDomain.certificateArn: is missing"),
    (
        {"customDomain": {"name": "https://auth.example.com", "certificateArn": CERTIFICATE}},
        "customDomain.name: should be a domain name",
    ),
    (
        {"customDomain": {"name": "auth.example.com", "certificateArn": "arn:x"}},
        "customDomain.certificateArn: should be the ARN",
    ),
    (
        {
            "customDomain": {
                "name": "auth.example.com",
                "certificateArn": CERTIFICATE.replace("eu-central-1", "us-east-1"),
            }
        },
        "customDomain.certificateArn: should be in the region of the stack, eu-central-1",
    ),
    (
        {
            "customDomain": {
                "name": "auth.example.com",
                "certificateArn": CERTIFICATE,
                "keepExecuteApi": "for now",
            }
        },
        "customDomain.keepExecuteApi: should be a valid boolean",
    ),
    ({"alarmEmail": "nobody"}, "alarmEmail: should be an e-mail address"),
    ({"alarmTopicArn": "on-call"}, "alarmTopicArn: should be the ARN of an SNS topic"),
    (
        {"alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:on-call"},
        "alarmTopicArn: should be in the region of the stack, eu-central-1",
    ),
    ({"customerKeyArn": "alias/mine"}, "customerKeyArn: should be the ARN of a KMS key"),
    (
        {"customerKeyArn": "arn:aws:kms:eu-central-1:123456789012:alias/mine"},
        "customerKeyArn: should be the ARN of a KMS key (not of an alias)",
    ),
    ({"httpApi": {"id": "a1b2c3d4e5"}}, "httpApi.pathPrefix: is missing"),
    ({"logRetentionDays": 0}, "logRetentionDays: should be one of 1, 3, 5"),
    ({"logRetentionDays": 31}, "logRetentionDays: should be one of 1, 3, 5"),
    ({"memoryMb": 64}, "memoryMb: should be greater than or equal to 128"),
    ({"memoryMb": 10241}, "memoryMb: should be less than or equal to 10240"),
    ({"snapStart": "on"}, "snapStart: should be true or false"),
    ({"snapStart": True, "provisionedConcurrency": 1}, "provisionedConcurrency: should be 0 with"),
    ({"provisionedConcurrency": -1}, "provisionedConcurrency: should be greater than or equal"),
    ({"userPoolTier": "PLUS"}, "userPoolTier: should be 'ESSENTIALS' or 'LITE'"),
    ({"reservedConcurrency": -1}, "reservedConcurrency: should be greater than or equal to 0"),
    (
        {"breakGlassPrincipals": ["arn:aws:iam::123456789012:root"]},
        "breakGlassPrincipals[0]: should be the ARN of an IAM role or user: here `:root` is the",
    ),
    (
        {"permissionsBoundary": "boundary"},
        "permissionsBoundary: should be the ARN of an IAM policy",
    ),
    ({"breakGlassPrincipals": ["*"]}, "breakGlassPrincipals[0]: should be the ARN"),
    (
        {"breakGlassPrincipals": ["arn:aws:iam::123456789012:role/*"]},
        "breakGlassPrincipals[0]: should be the ARN",
    ),
    (
        {"breakGlassPrincipals": ["arn:aws:sts::123456789012:assumed-role/a/b"]},
        "breakGlassPrincipals[0]: should be the ARN",
    ),
    ({"protect": "maybe"}, "protect: should be true or false"),
    ({"tokenLifetimeSecond": 300}, "tokenLifetimeSecond: no such key"),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_a_mistake_names_its_key_and_what_it_should_be(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        load(**values)
    listed = [line for line in str(raised.value).splitlines() if line.startswith("  - ")]
    assert len(listed) == 1
    assert listed[0].startswith(f"  - {pulumi.get_project()}:{message}")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tokenLifetimeSecond": 300}, "no such key; did you mean tokenLifetimeSeconds?"),
        ({"anonymous": {"enable": True}}, "anonymous.enable: no such key; did you mean enabled?"),
        ({"throttling": {"jwks": {"bust": 5}}}, "jwks.bust: no such key; did you mean burst?"),
        ({"nothingLikeIt": 1}, "nothingLikeIt: no such key; there are alarmEmail, alarmTopicArn,"),
    ],
)
def test_a_misspelt_key_is_told_what_is_nearest(values: dict[str, Any], told: str) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        load(**values)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("powersync_auth:protect", "protect"),
        (f"{pulumi.get_project()}s:tokenLifetime", "tokenLifetimeSeconds"),
        ("powersync:corsOrigins", "corsOrigins"),
    ],
)
def test_a_key_of_ours_in_another_namespace_is_refused(key: str, meant: str) -> None:
    runtime_config.set_all_config({key: "false", "aws:region": "eu-central-1"})
    try:
        with pytest.raises(pulumi.RunError) as raised:
            configuration.read_settings()
    finally:
        runtime_config.set_all_config({})
    assert f"{key}: no namespace of this project's" in str(raised.value)
    assert f"did you mean {pulumi.get_project()}:{meant}?" in str(raised.value)


def test_keys_of_providers_are_none_of_our_business() -> None:
    runtime_config.set_all_config({"aws:profile": "x", "pulumi:tags": "{}", "datadog:apiKey": "x"})
    try:
        configuration.read_settings()
    finally:
        runtime_config.set_all_config({})


def test_every_key_has_a_mistake_tested() -> None:
    tested = {key for values, _ in MISTAKES for key in values}
    assert {str(field.alias) for field in Settings.model_fields.values()} <= tested


def test_all_mistakes_are_reported_together() -> None:
    together = {
        key: value for values, _ in MISTAKES if len(values) == 1 for key, value in values.items()
    }
    with pytest.raises(pulumi.RunError) as raised:
        load(**together)
    assert len(together) == len(Settings.model_fields) + 1
    for key in together:
        assert f"{pulumi.get_project()}:{key}" in str(raised.value)


def test_a_secret_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(pulumi.RunError) as raised:
        load(**provider(checkSession={"apiKey": "", "userinfoUri": "http://geheim.example.com"}))
    assert "geheim" not in str(raised.value)


def test_mistakes_stop_the_program_before_it_asks_for_anything() -> None:
    with pytest.raises(pulumi.RunError, match="powersync-auth:rotationDays"):
        record(rotationDays=0)
