"""Who is calling: the identity providers' own credentials, verified."""
