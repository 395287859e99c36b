"""A user pool with a user, and how she signs in."""

from dataclasses import dataclass
from typing import Any

from local.stack import LocalStack

PASSWORD = "Aa1-correct-horse-battery"


@dataclass(frozen=True)
class Pool:
    """A Cognito user pool of the embedded AWS."""

    cognito: Any
    id: str
    client_id: str

    @classmethod
    def create(cls, stack: LocalStack, name: str) -> "Pool":
        cognito = stack.aws.client("cognito-idp")
        pool_id = cognito.create_user_pool(PoolName=name)["UserPool"]["Id"]
        pool = cls(cognito, pool_id, cls.create_client(cognito, pool_id))
        cognito.admin_create_user(UserPoolId=pool_id, Username="carol", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=pool_id, Username="carol", Password=PASSWORD, Permanent=True
        )
        return pool

    @staticmethod
    def create_client(cognito: Any, pool_id: str) -> str:
        client = cognito.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName="app",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )
        return str(client["UserPoolClient"]["ClientId"])

    def sign_in(
        self, username: str = "carol", password: str = PASSWORD, client_id: str | None = None
    ) -> dict[str, str]:
        """Cognito's `IdToken`, `AccessToken` and `RefreshToken`."""
        answer = self.cognito.initiate_auth(
            ClientId=client_id or self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
        tokens: dict[str, str] = answer["AuthenticationResult"]
        return tokens
