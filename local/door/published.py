"""What of the embedded AWS is reached through the front door, as far as it has been made."""

from dataclasses import dataclass


@dataclass(slots=True)
class Published:
    """Filled in by the deployer while it makes these things; read by the door at each request.

    Attributes:
        url: The front door's URL as the outputs have it.
        reachable_url: The same, as it is reached from this machine.
        api_id: The HTTP API.
        user_pool_id: The user pool, where one is configured.
        domain: The API's custom domain, where one is configured.
    """

    url: str = ""
    reachable_url: str = ""
    api_id: str | None = None
    user_pool_id: str | None = None
    domain: str | None = None
