"""Which URLs may be asked, or compared as an issuer: https, and plainly written.

Nothing but the standard library is imported here: the Pulumi program checks with it at preview.
"""

import ipaddress
from urllib.parse import urlsplit

_NEARBY_SUFFIXES = (".local", ".internal", ".localhost")


def is_nearby(host: str) -> bool:
    """Whether a host, without its port, is this machine or one on the same network.

    It is a private, link-local or loopback address, or a name that is in no public DNS: a single
    label, or one under `.local` (RFC 6762), `.internal` or `.localhost` (RFC 6761).
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_NEARBY_SUFFIXES))
    # Those that no host has are private to Python too.
    return not address.is_unspecified and (
        address.is_loopback or address.is_link_local or address.is_private
    )


def check_url(url: str, *, allow_nearby_http: bool, allow_query: bool = True) -> str:
    """The URL itself, if it is https, or http nearby where that is allowed, as in a local stack.

    It has neither user nor fragment. Raises `ValueError` saying what it should be; nothing of the
    URL is repeated.
    """
    if not url.isascii() or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        raise ValueError("should be a URL without spaces and other characters that URLs lack")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"should be a URL ({error})") from None
    nearby = parts.scheme == "http" and is_nearby(parts.hostname or "")
    if parts.scheme != "https" and not (nearby and allow_nearby_http):
        raise ValueError("should be an https:// URL")
    if not parts.hostname or "@" in parts.netloc or port == 0:
        raise ValueError("should be an https:// URL with a host, and without a user or port 0")
    if "#" in url or ("?" in url and not allow_query):
        raise ValueError(f"should be a URL without {'' if allow_query else 'query and '}fragment")
    return url
