"""The checks behind ``patchbay doctor``, in the order they build on each other."""
