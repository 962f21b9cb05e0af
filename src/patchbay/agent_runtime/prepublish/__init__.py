"""The pre-publish report: what an agent will do once published, computed from what would be frozen (``docs/publishing.md``)."""
