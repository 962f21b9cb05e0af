"""The connection test: what its checks have in common for every SQL database."""
