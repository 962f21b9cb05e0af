"""The versions of the platform's schema, run by :func:`patchbay.store.migrate.migrate`."""
