"""The JWKS endpoint, and the API's answer to requests that match no route.

A plain handler of API Gateway's payload 2.0: what PowerSync waits for when its cache is empty, at
most three seconds, so a cold start loads as little as possible.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from token_service.aws.aws_json import AwsError
from token_service.keys import jwk_set
from token_service.keys.jwk_set import PublicationError
from token_service.keys.kept import Kept, NothingKeptError
from token_service.settings import JwksSettings

JWKS_PATH = "/.well-known/jwks.json"
LONGEST_PAUSE = 5
"""Seconds between attempts to read the parameter while it cannot be read."""

Response = dict[str, object]

_ALWAYS = {"X-Content-Type-Options": "nosniff"}
"""No browser takes an answer for another kind of content than it says."""


class _Served(NamedTuple):
    body: str
    etag: str
    headers: Mapping[str, str]


class JwksEndpoint:
    """Serves the published keys; called with a payload 2.0 event, returns its response.

    The document is read again once `cache_seconds` have passed. While it cannot be read, or what is
    there is not the rotate function's, what is at hand is served until it is `max_age_seconds` old:
    a verifier's wait for a new key counts on that bound.

    Keys of former signers are served beside ours until their time has come, told by `wall_clock` in
    epoch seconds, as it is looked at when the document is read.
    """

    def __init__(
        self,
        settings: JwksSettings,
        read_document: Callable[[], str],
        clock: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._wall_clock = wall_clock
        self._read_document = read_document
        self._kept = Kept(
            "the JWKS parameter",
            self._read,
            (AwsError, PublicationError),
            clock,
            refresh_after=settings.cache_seconds,
            max_age=settings.max_age_seconds,
            longest_pause=LONGEST_PAUSE,
        )

    def __call__(self, event: Mapping[str, object], _context: object) -> Response:
        """Answer one request."""
        path = event.get("rawPath")
        if isinstance(path, str):
            path = path.removeprefix(self._settings.path_prefix)
        context = event.get("requestContext")
        http = context.get("http") if isinstance(context, Mapping) else None
        method = http.get("method") if isinstance(http, Mapping) else None
        if path == JWKS_PATH and method in ("GET", "HEAD"):
            headers = event.get("headers")
            return self._jwks(headers if isinstance(headers, Mapping) else {}, method)
        allowed = self._settings.routes.get(path) if isinstance(path, str) else None
        if method == "OPTIONS" and allowed:
            # API Gateway adds the CORS headers, if the API has any.
            return {"statusCode": 204, "headers": {**_ALWAYS, "Allow": allowed}}
        if allowed:
            return _error(405, "method_not_allowed", f"use {allowed}", {"Allow": allowed})
        return _error(404, "not_found", "there is nothing at this path")

    def _jwks(self, headers: Mapping[str, object], method: str) -> Response:
        try:
            served = self._kept.get()
        except NothingKeptError as error:
            return _error(
                503,
                "temporarily_unavailable",
                "the signing keys cannot be read just now; try again",
                {"Retry-After": str(error.retry_after)},
            )
        answered = served.headers
        if self._kept.failing:
            # A proxy that kept what is at hand any longer would stretch the age beyond the bound.
            answered = {**answered, "Cache-Control": "no-store"}
        if _matches(headers.get("if-none-match"), served.etag):
            return {"statusCode": 304, "headers": answered}
        return {
            "statusCode": 200,
            "headers": {**answered, "Content-Type": "application/json"},
            "body": served.body if method == "GET" else "",
        }

    def _read(self) -> _Served:
        now = self._wall_clock()
        legacy = [key["jwk"] for key in self._settings.legacy_keys if now < key["until"]]
        body = jwk_set.served(self._read_document(), legacy)
        digest = base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()).decode()
        etag = f'"{digest}"'
        max_age = f"public, max-age={self._settings.cache_seconds}"
        return _Served(body, etag, {**_ALWAYS, "Cache-Control": max_age, "ETag": etag})


def _matches(if_none_match: object, etag: str) -> bool:
    """Whether the client has this version (RFC 9110 §13.1.2, weak comparison)."""
    if if_none_match == etag:
        return True
    if not isinstance(if_none_match, str):
        return False
    candidates = [candidate.strip() for candidate in if_none_match.split(",")]
    return "*" in candidates or etag in [c.removeprefix("W/") for c in candidates]


def _error(
    status: int, error: str, description: str, headers: Mapping[str, str] | None = None
) -> Response:
    return {
        "statusCode": status,
        "headers": {
            **_ALWAYS,
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
        "body": json.dumps({"error": error, "error_description": description}),
    }
