// A backend with a user pool, whose users sync with PowerSync.
package main

import (
	powersyncauth "example.com/pulumi-powersync-auth/sdk/go/powersync-auth"
	"github.com/pulumi/pulumi-aws/sdk/v7/go/aws/cognito"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		users, err := cognito.NewUserPool(ctx, "users", nil)
		if err != nil {
			return err
		}
		app, err := cognito.NewUserPoolClient(ctx, "app", &cognito.UserPoolClientArgs{
			UserPoolId: users.ID(),
		})
		if err != nil {
			return err
		}
		auth, err := powersyncauth.NewPowerSyncAuth(ctx, "auth", &powersyncauth.PowerSyncAuthArgs{
			PowersyncUrl: pulumi.String(config.Require(ctx, "powersyncUrl")),
			IdentityProviders: pulumi.MapArray{
				pulumi.Map{
					"issuer":    pulumi.Sprintf("https://%s", users.Endpoint),
					"clientIds": pulumi.Array{app.ID()},
				},
			},
			CorsOrigins: pulumi.ToStringArray([]string{"https://app.acme.dev"}),
		})
		if err != nil {
			return err
		}
		ctx.Export("jwksUri", auth.JwksUri)
		ctx.Export("tokenUrl", auth.TokenUrl)
		return nil
	})
}
