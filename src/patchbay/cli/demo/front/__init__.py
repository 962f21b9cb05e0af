"""A small TLS front for a PostgreSQL that listens on a Unix socket only, on loopback, with a throw-away authority."""
