"""The tutorial build: what public guides to JWTs on Lambda show, put together.

FastAPI and Mangum in one function, boto3 at the top, the secret read at every cold start, `def`
routes, the key as PEM.
"""

import json
import os
import time
from typing import Any

import boto3
import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import FastAPI
from jwt.algorithms import ECAlgorithm
from mangum import Mangum
from pydantic import BaseModel

secrets = boto3.client("secretsmanager")
secret = json.loads(
    secrets.get_secret_value(SecretId=os.environ["KEYRING_SECRET_ARN"])["SecretString"]
)
private_key = secret["private_key"]

app = FastAPI()


class TokenResponse(BaseModel):
    token: str
    powersync_url: str


class Jwks(BaseModel):
    keys: list[dict[str, Any]]


@app.get("/token/anonymous")
def anonymous_token() -> TokenResponse:
    now = int(time.time())
    powersync_url = os.environ["POWERSYNC_URL"]
    claims = {
        "sub": "anonymous",
        "iat": now,
        "exp": now + 300,
        "iss": os.environ["ISSUER"],
        "aud": powersync_url,
    }
    token = jwt.encode(claims, private_key, algorithm="ES256", headers={"kid": secret["kid"]})
    return TokenResponse(token=token, powersync_url=powersync_url)


@app.get("/.well-known/jwks.json")
def jwks() -> Jwks:
    public_key = load_pem_private_key(private_key.encode(), None).public_key()
    jwk = ECAlgorithm.to_jwk(public_key, as_dict=True)  # type: ignore[call-overload]
    return Jwks(keys=[{**jwk, "kid": secret["kid"], "alg": "ES256", "use": "sig"}])


handler = Mangum(app)
