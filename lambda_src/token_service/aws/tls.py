"""The one TLS context of a container: whom its calls over https believe."""

import functools
import ssl


@functools.cache
def client_context() -> ssl.SSLContext:
    """Verifies certificates and host names against the system's certificate authorities.

    Made once: reading the authorities takes longer than a request does.
    """
    return ssl.create_default_context()
