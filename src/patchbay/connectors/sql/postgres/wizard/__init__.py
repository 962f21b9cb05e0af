"""The connection test: ordered checks of a PostgreSQL connection, each with a verdict and what to do about it."""

from patchbay.connectors.sql.postgres.wizard.run import CHECK_IDS, run_checks

__all__ = ["CHECK_IDS", "run_checks"]
