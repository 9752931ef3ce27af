"""`python -m trunkline`: see `trunkline._cli`."""

import sys

from ._cli import main

sys.exit(main())
