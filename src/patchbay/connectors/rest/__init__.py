"""REST: an API described by a document, discovered from it and called over HTTP."""
