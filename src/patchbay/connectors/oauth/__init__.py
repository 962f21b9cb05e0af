"""Authorization with OAuth 2: the client credentials and authorization code grants, tokens kept sealed and renewed in time."""
