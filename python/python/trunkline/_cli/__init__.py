"""The command line: `python -m trunkline get URL`, `python -m trunkline ws URL`.

Exit status: 0, 1 after an error (told in one line on stderr), 2 for a command line that makes no sense.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Optional

from .. import Error, WebSocketClosed
from . import get, ws
from .options import Failure
from .parser import make_parser


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command line; returns the exit status."""
    parsed = make_parser().parse_args(arguments)
    try:
        return asyncio.run(ws.run(parsed)) if parsed.command == "ws" else get.run(parsed)
    except BrokenPipeError:
        # Whoever read our output has had enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except WebSocketClosed as error:
        message = str(error)
    except (Error, Failure, OSError, ValueError) as error:
        message = str(error)
    sys.stderr.write(f"trunkline: {' '.join(message.split())}\n")
    return 1
