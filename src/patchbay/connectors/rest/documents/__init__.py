"""Reading API documents: bytes, archives and references, whatever their format, as one description."""
