"""What is compared: each contestant made ready to run, from the same locked packages."""

import base64
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from powersync_auth.bundle import LOCAL, lambda_bundle
from tests.api_gateway import lambda_event
from tests.benchmarks.aws import LoopbackAws
from token_service.keys import keyring, ring_document
from token_service.keys.key_generation import generate_private_jwk, generate_signing_key
from token_service.keys.seal import Claim, attached

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:signing-keys-AbCdEf"
TUTORIAL_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:tutorial-AbCdEf"
RS256_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rs256-AbCdEf"
PARAMETER = "/powersync-auth/jwks"
POWERSYNC_URL = "https://instance.powersync.journeyapps.com"
ISSUER = "https://abcdef0123.execute-api.us-east-1.amazonaws.com"
IDENTITY_PROVIDER = "https://identity.example.com"
IDENTITY_AUDIENCE = "app"

TUTORIAL_PACKAGES = ("fastapi", "mangum", "pyjwt[crypto]", "boto3")

_SEAL = base64.b64encode(b"as long as one that KMS makes".ljust(240)).decode()

ANONYMOUS = lambda_event("/token/anonymous")
JWKS = lambda_event("/.well-known/jwks.json")


@dataclass(frozen=True)
class Contestant:
    """A handler and what it needs; `event` is the first one it is given."""

    path: Sequence[str]
    handler: str
    event: Mapping[str, object]
    env: Mapping[str, str] = field(default_factory=dict)


def signed_in(credential: str) -> dict[str, object]:
    return lambda_event("/token", {"authorization": f"Bearer {credential}"})


def publish_keys(aws: LoopbackAws, provider_key: rsa.RSAPrivateKey) -> None:
    """Put rings, publication and the identity provider's keys where the contestants look."""
    now = 1_700_000_000
    for arn, alg in ((SECRET_ARN, "ES256"), (RS256_ARN, "RS256")):
        ring = keyring.bootstrap(lambda alg=alg: generate_signing_key(alg, now))  # type: ignore[misc]
        aws.secrets[arn] = ring_document.dumps(ring)
        if arn == SECRET_ARN:
            keys = [
                {**key.public_jwk, "kid": key.kid, "alg": alg, "use": "sig", "published_at": now}
                for key in ring.keys
            ]
            document = json.dumps({"generation": 1, "keys": keys})
            aws.parameters[PARAMETER] = attached(document, _SEAL)
            claim = Claim.of(document, 1, 0.0).dumps()
            aws.plaintexts[_SEAL] = base64.b64encode(claim.encode()).decode()
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    aws.secrets[TUTORIAL_ARN] = json.dumps({"kid": "tutorial-1", "private_key": pem.decode()})
    jwk = RSAAlgorithm.to_jwk(provider_key.public_key(), as_dict=True)
    aws.pages["/keys"] = json.dumps(
        {"keys": [{**jwk, "kid": "provider-1", "alg": "RS256", "use": "sig"}]}
    )


def function_environment(aws: LoopbackAws) -> dict[str, str]:
    """The environment that the Pulumi program gives the functions, with AWS on loopback."""
    provider = {
        "name": "provider",
        "issuer": IDENTITY_PROVIDER,
        "audiences": [IDENTITY_AUDIENCE],
        "jwksUri": f"{aws.endpoint}/keys",
    }
    routes = {
        "/.well-known/jwks.json": "GET, HEAD",
        "/token": "GET, POST",
        "/token/anonymous": "GET, POST",
    }
    return {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
        "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
        "AWS_ENDPOINT_URL": aws.endpoint,
        "ALLOW_NEARBY_HTTP": "1",
        "JWKS_PARAMETER": PARAMETER,
        "SEAL_KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/signing-keys",
        "JWKS_CACHE_SECONDS": "60",
        "JWKS_MAX_AGE_SECONDS": "120",
        "ROUTES": json.dumps(routes),
        "KEYRING_SECRET_ARN": SECRET_ARN,
        "KEYRING_CACHE_SECONDS": "300",
        "KEYRING_MAX_AGE_SECONDS": "3600",
        "TOKEN_LIFETIME_SECONDS": "300",
        "ISSUER": ISSUER,
        "AUDIENCES": json.dumps([POWERSYNC_URL]),
        "POWERSYNC_URL": POWERSYNC_URL,
        "IDENTITY_PROVIDERS": json.dumps([provider]),
        "ANONYMOUS_SUBJECT": "per-device",
        "ANONYMOUS_REMEMBER_SECONDS": str(30 * 86400),
        "ANONYMOUS_FORMER_TOKENS": "exchange",
        "SIGNING_ALGORITHM": "ES256",
        "PUBLISH_BEFORE_SIGNING_SECONDS": "3780",
        "RETAIN_AFTER_SIGNING_SECONDS": "4020",
        "ROTATION_DAYS": "90",
        "VERIFIER_CACHE_SECONDS": "3600",
    }


def unpack_ours(folder: Path) -> Path:
    """The deployed zip for this machine's Python, unpacked as Lambda does."""
    tree = folder / "ours"
    with zipfile.ZipFile(lambda_bundle(target=LOCAL)) as bundle:
        bundle.extractall(tree)
    return tree


def build_tutorial(tree: Path) -> None:
    """`pip install -t`, the app beside it; the versions are those of our own lock."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--target", str(tree)]
    command += ["--constraint", str(ROOT / "requirements" / "dev.txt"), *TUTORIAL_PACKAGES]
    subprocess.run(command, check=True)
    shutil.copy(HERE / "tutorial" / "app.py", tree)


def zipped_size(tree: Path) -> int:
    """Bytes that a folder takes as a zip."""
    archive = shutil.make_archive(str(tree), "zip", tree)
    return Path(archive).stat().st_size


def bytecode_files(bundle: Path) -> int:
    """How many compiled modules a zip has."""
    with zipfile.ZipFile(bundle) as archive:
        return sum(name.endswith(".pyc") for name in archive.namelist())


def original_environment(alg: str) -> dict[str, str]:
    """The environment of the Deno function, with a fresh key for `alg`."""
    jwk = {**generate_private_jwk(alg), "alg": alg, "kid": "powersync-0123456789"}
    return {
        "POWERSYNC_PRIVATE_KEY": base64.b64encode(json.dumps(jwk).encode()).decode(),
        "POWERSYNC_URL": POWERSYNC_URL,
        "SUPABASE_URL": "https://project.supabase.co",
        "DENO_NO_UPDATE_CHECK": "1",
    }


def deno() -> Path:
    """The Deno of `tests/benchmarks/package-lock.json`."""
    found = sorted((HERE / "node_modules" / "@deno").glob("*/deno*"))
    executables = [path for path in found if path.name in {"deno", "deno.exe"}]
    if not executables:
        raise FileNotFoundError(f"Deno is not installed: run `npm ci` in {HERE}")
    return executables[0]
