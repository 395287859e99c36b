"""Every setting's mistakes: each is reported with its key and what it should be."""

import json
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config as runtime_config

import configuration
from advice import advice
from bundle import LOCAL, TARGET_VARIABLE
from settings import Settings
from tests.infra.plan import record
from timings import Timings

PROVIDER = {"issuer": "https://login.example.com", "audiences": ["app"]}
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/1-2-3"


def load(**values: Any) -> Settings:
    runtime_config.set_all_config(
        {
            "aws:region": "eu-central-1",
            **{
                f"{pulumi.get_project()}:{key}": v if isinstance(v, str) else json.dumps(v)
                for key, v in values.items()
            },
        }
    )
    try:
        return configuration.load_settings()
    finally:
        runtime_config.set_all_config({})


def provider(**changes: Any) -> dict[str, Any]:
    return {"identityProviders": [{**PROVIDER, **changes}]}


ALL_WELL = {"powersyncUrl": "https://x.journeyapps.com", **provider(issuer="https://l.acme.dev")}

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
        ({"nothingLikeIt": 1}, "nothingLikeIt: no such key; there are alarmEmail, anonymous,"),
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
            configuration.load_settings()
    finally:
        runtime_config.set_all_config({})
    assert f"{key}: no namespace of this project's" in str(raised.value)
    assert f"did you mean {pulumi.get_project()}:{meant}?" in str(raised.value)


def test_keys_of_providers_are_none_of_our_business() -> None:
    runtime_config.set_all_config({"aws:profile": "x", "pulumi:tags": "{}", "datadog:apiKey": "x"})
    try:
        configuration.load_settings()
    finally:
        runtime_config.set_all_config({})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"powersyncUrl": "https://your-instance.powersync.journeyapps.com"},
            "powersyncUrl is a p",
        ),
        (provider(issuer="https://your-tenant.eu.auth0.com/"), "identityProviders[0].issuer is a"),
        (provider(), "identityProviders[0].issuer is a placeholder"),
        ({"corsOrigins": ["*"]}, 'corsOrigins has "*"'),
        ({"corsOrigins": ["https://*"]}, 'corsOrigins has "https://*"'),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(
    values: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load(**values)
    assert told in capsys.readouterr().err


def test_what_is_meant_gives_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    load(**ALL_WELL, corsOrigins=["https://app.test"])
    assert capsys.readouterr().err == ""


def test_open_origins_are_fine_on_the_local_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    load(**ALL_WELL, corsOrigins=["*"])
    assert capsys.readouterr().err == ""


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


def test_nothing_is_open_by_default() -> None:
    settings = load()
    assert not settings.anonymous.enabled
    assert settings.identity_providers == []
    assert not settings.create_user_pool
    assert settings.cors_origins == []
    assert settings.protect


def test_an_empty_value_counts_as_not_set() -> None:
    settings = load(customDomain={}, tokenLifetimeSeconds="", alarmEmail="")
    assert settings == load()


def test_a_provider_may_be_beside_the_custom_domain() -> None:
    domain = {"name": "auth.example.com", "certificateArn": CERTIFICATE}
    for issuer in ("https://login.auth.example.com", "https://auth.example.com/realms/app"):
        settings = load(**provider(issuer=issuer), customDomain=domain)
        assert settings.identity_providers[0]["issuer"] == issuer


def test_values_arrive_as_the_cli_passes_them() -> None:
    settings = load(
        powersyncUrl="http://localhost:8080", rotationDays="7", snapStart="true", **provider()
    )
    assert settings.powersync_url == "http://localhost:8080"
    assert settings.rotation_days == 7
    assert settings.snap_start is True
    assert settings.identity_providers == [PROVIDER]


@pytest.mark.parametrize("key", ["issuer", "jwksUri"])
def test_plain_http_is_for_providers_beside_the_local_stack_only(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside_us = {"identityProviders": [{**PROVIDER, key: "http://127.0.0.1:9000"}]}
    with pytest.raises(pulumi.RunError, match=rf"identityProviders\[0\].{key}: .*https://"):
        load(**beside_us)
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    load(**beside_us)


NEARBY = [
    "http://192.168.1.5:8080",
    "http://10.0.2.2:8080",
    "http://169.254.1.1",
    "http://host.docker.internal:8080",
    "http://powersync:8080",
    "http://my-laptop.local:8080",
    "http://powersync.localhost",
]


@pytest.mark.parametrize("url", NEARBY)
def test_in_the_local_stack_powersync_and_providers_may_be_nearby(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearby = {"powersyncUrl": url, "identityProviders": [{**PROVIDER, "issuer": url}]}
    for key, value in nearby.items():
        with pytest.raises(pulumi.RunError, match=key):
            load(**{key: value})
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    settings = load(**nearby)
    assert settings.powersync_url == url
    assert settings.token_audiences == [url]


@pytest.mark.parametrize("url", ["http://example.com", "http://8.8.8.8", "http://0.0.0.0"])
def test_a_stranger_is_asked_by_https_in_the_local_stack_too(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    with pytest.raises(pulumi.RunError, match="powersyncUrl: should be the URL"):
        load(powersyncUrl=url)


def test_an_object_keeps_the_defaults_of_what_it_leaves_out() -> None:
    """`pulumi config set --path throttling.jwks.rate 500` gives this and nothing else."""
    throttling = load(throttling={"jwks": {"rate": 500}}).throttling
    assert (throttling.jwks.rate, throttling.jwks.burst) == (500, 100)
    assert throttling.token == Settings().throttling.token
    anonymous = load(anonymous={"enabled": True}).anonymous
    assert (anonymous.subject, anonymous.remember_days) == ("per-device", 30)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (ALL_WELL, []),
        ({**ALL_WELL, "identityProviders": [], "createUserPool": True}, []),
        ({**ALL_WELL, "identityProviders": [], "anonymous": {"enabled": True}}, []),
        ({**ALL_WELL, "identityProviders": []}, ["set identityProviders, createUserPool or anony"]),
        ({**ALL_WELL, "powersyncUrl": ""}, ["powersyncUrl is not set"]),
        ({}, ["set identityProviders, createUserPool or anonymous", "powersyncUrl is not set"]),
    ],
)
def test_a_stack_that_refuses_everybody_is_warned_of(
    values: dict[str, Any], expected: list[str]
) -> None:
    """It deploys, and its token_url answers with refusals only."""
    warnings = advice(load(**values))
    assert len(warnings) == len(expected)
    for warning, part in zip(warnings, expected, strict=True):
        assert part in warning


def test_providers_that_may_give_two_people_one_user_id_are_warned_of() -> None:
    """OpenID Connect Core 1.0, section 5.7: a subject is unique within its issuer."""
    first, second = (
        {**PROVIDER, "issuer": f"https://{name}.acme.dev"} for name in ("one", "other")
    )

    def warned(*providers: dict[str, Any], **values: Any) -> list[str]:
        settings = load(**{**ALL_WELL, "identityProviders": list(providers), **values})
        return [w for w in advice(settings) if "subjectPrefix" in w]

    assert not warned(first)
    assert not warned(first, {**second, "subjectPrefix": "other|"})
    (told,) = warned(first, second)
    assert told.startswith("identityProviders[0] and identityProviders[1] have no subjectPrefix")
    (told,) = warned(first, createUserPool=True)
    assert told.startswith("identityProviders[0] and the user pool have no subjectPrefix")


def test_chosen_subjects_may_stand_beside_others_and_behind_a_prefix() -> None:
    """At the one provider nobody can choose, or nobody can choose what the other's users have."""
    other = {**PROVIDER, "issuer": "https://other.example.com"}
    chosen = {**PROVIDER, "subjectClaim": "email"}
    for second in (other, {**other, "subjectClaim": "email", "subjectPrefix": "other|"}):
        assert len(load(identityProviders=[chosen, second]).identity_providers) == 2


@pytest.mark.parametrize(
    ("issuers", "warned"),
    [
        (["https://l.acme.dev", "https://l.acme.dev/"], True),
        (["https://l.acme.dev/Realm", "https://l.acme.dev/realm"], True),
        (["https://l.acme.dev", "https://m.acme.dev"], False),
    ],
)
def test_issuers_that_differ_by_a_slash_or_by_case_only_are_warned_of(
    issuers: list[str], warned: bool
) -> None:
    """One of them is in the tokens; the other waits in vain."""
    providers = [
        {**PROVIDER, "issuer": issuer, "subjectPrefix": f"{number}|"}
        for number, issuer in enumerate(issuers)
    ]
    told = advice(load(**{**ALL_WELL, "identityProviders": providers}))
    expected = "the issuers of identityProviders[0] and identityProviders[1] differ by a slash"
    assert [warning.startswith(expected) for warning in told] == [True] * warned


def test_every_origin_that_api_gateway_takes_is_taken() -> None:
    """Its documentation names these forms."""
    origins = ["https://app.example.com", "http://localhost:5173", "https://*", "http://*", "*"]
    assert load(corsOrigins=origins).cors_origins == origins


def test_audiences_default_to_the_powersync_url() -> None:
    assert load().token_audiences == []
    assert load(powersyncUrl="https://x.example.com").token_audiences == ["https://x.example.com"]
    assert load(powersyncUrl="https://x.example.com", audiences=["a"]).token_audiences == ["a"]


def test_anonymous_tokens_are_remembered_only_where_subjects_differ() -> None:
    def remembered(**anonymous: Any) -> int:
        return load(anonymous=anonymous).anonymous_remember_seconds

    assert remembered() == 0
    assert remembered(enabled=True) == 30 * 86_400
    assert remembered(enabled=True, rememberDays=2) == 2 * 86_400
    assert remembered(enabled=True, subject="shared") == 0


def test_timings_with_the_defaults() -> None:
    assert load().timings == Timings(
        jwks_cache=60,
        jwks_max_age=120,
        keyring_cache=300,
        keyring_max_age=3_600,
        margin=60,
        publish_before_signing=3_600 + 120 + 60,
        retain_after_signing=3_600 + 300 + 60 + 60,
    )


def test_timings_shrink_with_the_verifiers_cache() -> None:
    timings = load(verifierCacheSeconds=4).timings
    assert timings.publish_before_signing == 4 + 8 + 4
    assert timings.retain_after_signing == 48 + 300 + 60 + 4


def test_two_scheduled_rotations_are_never_too_close_for_the_second_one() -> None:
    """The earlier one may come when its window closes, the next one when its window opens."""
    apart = 86_400 - 3_600
    longest_cache = apart - 120 - 60
    assert load(verifierCacheSeconds=longest_cache).timings.publish_before_signing == apart
    load(rotationDays=1, verifierCacheSeconds=longest_cache)
    with pytest.raises(pulumi.RunError, match=r"rotationDays: should be at least 2: .* 82801 s"):
        load(rotationDays=1, verifierCacheSeconds=longest_cache + 1)
    load(rotationDays=2, verifierCacheSeconds=86_400)


@pytest.mark.parametrize("verifier_cache", [1, 59, 60, 299, 300, 3_600, 86_400])
@pytest.mark.parametrize("lifetime", [60, 300, 86_400])
def test_a_key_is_seen_before_it_signs_and_kept_while_its_tokens_live(
    verifier_cache: int, lifetime: int
) -> None:
    timings = Timings.derive(verifier_cache, lifetime)
    assert timings.jwks_cache <= timings.jwks_max_age
    assert timings.publish_before_signing > verifier_cache + timings.jwks_max_age
    assert timings.retain_after_signing > timings.keyring_max_age + lifetime + 60
