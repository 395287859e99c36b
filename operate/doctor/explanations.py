"""PowerSync's codes and its own words for a refusal, with what they mean and what mends them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a refusal means, and what mends it."""

    means: str
    do: str


CODES = {
    "PSYNC_S2101": Explanation(
        "PowerSync cannot take this for one of your tokens: its form, its key or a claim is wrong",
        "see which step failed; send PowerSync the token that /token answers, as it is",
    ),
    "PSYNC_S2102": Explanation(
        "PowerSync could not verify the signature",
        "send PowerSync the token that /token answers, and give it this stack's jwks_uri",
    ),
    "PSYNC_S2103": Explanation(
        "the token is older than its lifetime",
        "have the client fetch a new one in fetchCredentials() each time; if a fresh token is"
        " refused, set the clock of the machine that is wrong",
    ),
    "PSYNC_S2104": Explanation(
        "PowerSync takes tokens that live a day at most",
        "set tokenLifetimeSeconds to 86400 or less (300 is the default); `pulumi up`",
    ),
    "PSYNC_S2105": Explanation(
        "the token is for another PowerSync instance",
        "have powersyncUrl be the instance's URL, character by character, or add the token's aud"
        " to client_auth.audience of a self-hosted instance",
    ),
    "PSYNC_S2106": Explanation(
        "the client sends no token",
        "have fetchCredentials() return {endpoint, token}, and null only when signed out",
    ),
    "PSYNC_S2201": Explanation(
        "PowerSync cannot use its configuration, or a key of the JWKS",
        "compare client_auth with the stack's output powersync_client_auth",
    ),
    "PSYNC_S2202": Explanation(
        "PowerSync fetches keys over IPv4 only, and the name has an IPv6 address only",
        "give the name of jwks_uri an A record",
    ),
    "PSYNC_S2203": Explanation(
        "PowerSync may not fetch from an address in that range (loopback, private)",
        "give it a public jwks_uri; a self-hosted one takes private addresses where"
        " block_local_jwks is not set",
    ),
    "PSYNC_S2204": Explanation(
        "PowerSync could not fetch the keys",
        "ask for jwks_uri from where PowerSync runs: in a container the host is"
        " host.docker.internal, not localhost",
    ),
}
"""By PowerSync's code."""

STEPS = {
    "form": Explanation(
        "it is not a signed JWT",
        "send PowerSync the `token` of /token's answer, as it is and without quotes",
    ),
    "algorithm": Explanation(
        "PowerSync takes RS256/384/512, ES256/384/512 and EdDSA",
        "send PowerSync the token that /token answers; set signingAlgorithm to one of those",
    ),
    "key": Explanation(
        "no published key has the token's kid",
        "send PowerSync a token that /token answers now, and give it this stack's jwks_uri",
    ),
    "key algorithm": Explanation(
        "a token by another algorithm than its key's is taken for a forgery",
        "send PowerSync the token that /token answers",
    ),
    "signature": Explanation(
        "the token was changed on its way, or somebody else made it under this kid",
        "send PowerSync the token that /token answers, byte for byte",
    ),
    "required claims": Explanation(
        "PowerSync wants sub, iat and exp",
        "send PowerSync the token that /token answers: it has them",
    ),
    "parameters": Explanation(
        "sync rules read parameters as an object",
        "map a claim that is an object to parameters in identityProviders[].claims, or choose"
        " another name",
    ),
}
"""By the step of the verdict: PSYNC_S2101 stands for many things."""


def explanation(code: str, step: str) -> Explanation:
    """What a refusal with this code at this step means."""
    if code == "PSYNC_S2101" and step in STEPS:
        return STEPS[step]
    return CODES[code]
