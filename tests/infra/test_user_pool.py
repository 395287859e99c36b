"""The optional user pool."""

from tests.infra.plan import Plan, record


def test_the_user_pool_lets_nobody_sign_up(full_plan: Plan, default_plan: Plan) -> None:
    assert not default_plan.of("UserPool")
    pool = full_plan.one("UserPool").inputs
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert pool["passwordPolicy"]["minimumLength"] >= 12
    assert pool["mfaConfiguration"] == "OPTIONAL"
    assert pool["softwareTokenMfaConfiguration"] == {"enabled": True}
    client = full_plan.one("UserPoolClient").inputs
    assert client["userPoolId"] == "id-of-users"
    assert client["generateSecret"] is False
    assert client["preventUserExistenceErrors"] == "ENABLED"
    assert client["enableTokenRevocation"] is True
    assert set(client["explicitAuthFlows"]) == {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }


def test_the_tier_of_the_user_pool_is_a_setting(full_plan: Plan) -> None:
    """Without one AWS chooses, and the choice costs from the 10,001st user of a month."""
    assert full_plan.one("UserPool").inputs["userPoolTier"] == "ESSENTIALS"
    lite = record(createUserPool=True, userPoolTier="LITE")
    assert lite.one("UserPool").inputs["userPoolTier"] == "LITE"
