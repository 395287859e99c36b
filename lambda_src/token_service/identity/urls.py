"""Which URLs may be asked, or compared as an issuer: https, and plainly written.

Nothing but the standard library is imported here: the Pulumi program checks with it at preview.
"""

from urllib.parse import urlsplit

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def check_url(url: str, *, allow_loopback_http: bool, allow_query: bool = True) -> str:
    """The URL itself, if it is https, or http on loopback where that is allowed.

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
    on_loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    if parts.scheme != "https" and not (on_loopback and allow_loopback_http):
        raise ValueError("should be an https:// URL")
    if not parts.hostname or "@" in parts.netloc or port == 0:
        raise ValueError("should be an https:// URL with a host, and without a user or port 0")
    if "#" in url or ("?" in url and not allow_query):
        raise ValueError(f"should be a URL without {'' if allow_query else 'query and '}fragment")
    return url
