"""Slides that are damaged on purpose, and what is done with them.

The machinery lies in modules beside this file, because children of the fuzz test run it without pytest.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
