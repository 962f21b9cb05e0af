"""The garbage collector while a schema is read."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Generator[None]:
    """No garbage collection while hundreds of thousands of values are made that stay: it would only look at each again.

    Nor as soon as it is over: what was made then counts as old, which freezing and thawing does without a look at it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # what others keep frozen stays so
                gc.freeze()
                gc.unfreeze()
            gc.enable()
