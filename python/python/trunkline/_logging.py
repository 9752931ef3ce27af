"""What the core logs, as records of `logging.getLogger("trunkline")` and the loggers below it.

The effective level of that logger counts as it is when a client is made, or when `trunkline.update_logging` is called:
what is below it costs nothing. Records are handed over by a thread of their own, shortly after what they tell.
"""

from __future__ import annotations

import atexit
import logging

from ._native import flush_log, set_log_level

#: The logger of the package.
logger = logging.getLogger("trunkline")
logger.addHandler(logging.NullHandler())
logging.addLevelName(5, "TRACE")


def update_logging() -> None:
    """Has the core log what the logger `trunkline` takes now. Every new client does this too."""
    set_log_level(min(max(logger.getEffectiveLevel(), 0), 255) if not logger.disabled else 255)


def emit(level: int, target: str, text: str, created: float) -> None:
    """Makes a record of what the core logged; for the native half."""
    name = target.replace("::", ".")
    place = logging.getLogger(name)
    if place.isEnabledFor(level):
        record = place.makeRecord(name, level, "trunkline", 0, text, (), None)
        record.created = created
        record.msecs = created % 1 * 1000
        place.handle(record)


atexit.register(flush_log)
