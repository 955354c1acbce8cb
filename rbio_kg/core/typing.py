"""Array types that annotations share. Each names the dtype; the shape is in the docstring of the function."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Indices = NDArray[np.int32]
"""Positions in a list, such as gene numbers of a snapshot."""
