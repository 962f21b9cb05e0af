"""The connection test: ordered checks of a MySQL or MariaDB connection, each with a verdict and what to do about it."""

from patchbay.connectors.sql.mysql.wizard.run import CHECK_IDS, run_checks

__all__ = ["CHECK_IDS", "run_checks"]
