"""Where the checkout and the real data are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SHARED = Path(os.environ.get("RBIO_KG_SHARED", ROOT.parent / "shared"))
