"""Types of single values of the configuration: each says what a wrong one should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, ValidationInfo

_ORIGIN = re.compile(r"^(\*|https?://(\*|[a-z0-9.-]+(:\d{1,5})?))$")
_OWN_SCHEME = re.compile(r"^(?!https?:)[a-z][a-z0-9+.-]*://")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_DOMAIN = re.compile(r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")
_CERTIFICATE = re.compile(r"^arn:aws[a-z-]*:acm:(?P<region>[a-z0-9-]+):\d{12}:certificate/[\w-]+$")
_PRINCIPAL = re.compile(r"^arn:aws[a-z-]*:iam::\d{12}:(user|role)/[\w+=,.@/-]+$")
_POLICY = re.compile(r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$")
_TOPIC = re.compile(r"^arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[\w-]+$")
_KEY = re.compile(r"^arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/[\w-]+$")
_API = re.compile(r"^[a-z0-9]{10}$")
_PREFIX = re.compile(r"^(/[A-Za-z0-9._-]+)+$")
_ROOT = re.compile(r"^arn:aws[a-z-]*:iam::\d{12}:root$")


def _origin(value: str) -> str:
    if _OWN_SCHEME.match(value):
        raise ValueError(
            "should begin with https:// or http://, for API Gateway takes no other scheme; for an"
            ' app with a scheme of its own "*" works, and so do requests of its native code, which'
            " need no CORS (Capacitor: the plugin CapacitorHttp)"
        )
    if not _ORIGIN.fullmatch(value):
        raise ValueError(
            "should be an origin such as https://app.example.com (no path, no slash), or"
            ' "https://*", "http://*" or "*" for all of them'
        )
    return value


def _principal(value: str) -> str:
    if _ROOT.fullmatch(value):
        raise ValueError(
            "should be the ARN of an IAM role or user: here `:root` is the account's root user "
            "alone, not everybody in the account"
        )
    if not _PRINCIPAL.fullmatch(value):
        raise ValueError("should be the ARN of an IAM role or user, without wildcards")
    return value


def _boundary(value: str) -> str:
    if value and not _POLICY.fullmatch(value):
        raise ValueError("should be the ARN of an IAM policy")
    return value


def _email(value: str) -> str:
    if value and not _EMAIL.fullmatch(value):
        raise ValueError("should be an e-mail address")
    return value


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value):
        raise ValueError("should be a domain name in lower case, such as auth.example.com")
    return value


def region_of(info: ValidationInfo) -> str | None:
    """The region of the stack as whoever checks has it; None where it is not known yet."""
    context = info.context or {}
    region: str | None = context.get("region")
    return region


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"should be {what}")
        return value

    return check


def _arn(pattern: re.Pattern[str], what: str) -> Callable[[str, ValidationInfo], str]:
    """Checks the ARN of something in the region of the stack."""

    def check(value: str, info: ValidationInfo) -> str:
        match = pattern.fullmatch(value)
        if not match:
            raise ValueError(f"should be the ARN of {what}")
        region = region_of(info)
        if region and match["region"] != region:
            raise ValueError(f"should be in the region of the stack, {region}")
        return value

    return check


def _or_nothing(
    check: Callable[[str, ValidationInfo], str],
) -> Callable[[str, ValidationInfo], str]:
    return lambda value, info: check(value, info) if value else value


Text = Annotated[str, StringConstraints(min_length=1)]

Email = Annotated[str, AfterValidator(_email)]
"""An address, or nothing."""

Domain = Annotated[str, StringConstraints(max_length=253), AfterValidator(_domain)]

Origin = Annotated[str, AfterValidator(_origin)]
"""What `allowOrigins` of an HTTP API takes."""

Certificate = Annotated[str, AfterValidator(_arn(_CERTIFICATE, "an ACM certificate"))]
"""The ARN of an ACM certificate of the stack's region."""

ApiId = Annotated[str, AfterValidator(_matching(_API, "the id of an HTTP API, such as a1b2c3d4e5"))]
"""The id of an HTTP API."""

PathPrefix = Annotated[
    str, AfterValidator(_matching(_PREFIX, "a path such as /auth, without a slash at its end"))
]
"""What paths begin with."""

Topic = Annotated[str, AfterValidator(_or_nothing(_arn(_TOPIC, "an SNS topic")))]
"""The ARN of an SNS topic of the stack's region, or nothing."""

CustomerKey = Annotated[str, AfterValidator(_or_nothing(_arn(_KEY, "a KMS key (not of an alias)")))]
"""The ARN of a KMS key of the stack's region, or nothing."""

Principal = Annotated[str, AfterValidator(_principal)]
"""The ARN of an IAM role or user."""

Boundary = Annotated[str, AfterValidator(_boundary)]
"""The ARN of an IAM policy, or nothing."""
