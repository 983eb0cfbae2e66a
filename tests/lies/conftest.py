"""The lies are told about the made histories of tests/unit/checks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "checks"))
