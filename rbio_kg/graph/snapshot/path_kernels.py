"""A compiled kernel that sums over all short paths between two nodes, with a penalty for each node in between."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbio_kg.graph.snapshot.kernels import compiled


@compiled
def path_sums(  # noqa: PLR0917
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: NDArray[Any],
    penalty: NDArray[Any],
    a: NDArray[Any],
    b: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum over the simple paths from a to b of 2 and of 3 steps of their weights; one matrix, symmetric.

    The weight of a path is the product of its steps' weights and of the penalties of the nodes between its ends.
    Pairs with the same `a` should be adjacent: the nodes within two steps of `a` are then computed once.

    Args:
        indptr, indices, weights: of a symmetric `Csr`; entries on the diagonal are ignored.
        penalty: (nodes,), factor for a path that passes through the node.
        a, b: int32 (pairs,), the ends.

    Returns:
        two, three: float64 (pairs,), 0 where there is no such path (or a = b).
    """
    nodes = indptr.shape[0] - 1
    two, three = np.zeros(a.shape[0]), np.zeros(a.shape[0])
    near, reach = np.zeros(nodes), np.zeros(nodes)
    met = np.empty(nodes, dtype=np.int32)
    count, start = 0, np.int64(-1)
    for i in range(a.shape[0]):
        goal, source = np.int64(b[i]), np.int64(a[i])
        if source == goal:
            continue
        if source != start:
            if start >= 0:
                for position in range(indptr[start], indptr[start + 1]):
                    near[indices[position]] = 0.0
                for k in range(count):
                    reach[met[k]] = 0.0
            start, count = source, 0
            for first in range(indptr[start], indptr[start + 1]):
                x = np.int64(indices[first])
                if x == start:
                    continue
                near[x] = weights[first] * penalty[x]
                for second in range(indptr[x], indptr[x + 1]):
                    y = np.int64(indices[second])
                    value = near[x] * weights[second]
                    if y in (start, x) or value == 0.0:
                        continue
                    if reach[y] == 0.0:
                        met[count] = y
                        count += 1
                    reach[y] += value
        two[i] = reach[goal]
        total = 0.0
        for last in range(indptr[goal], indptr[goal + 1]):
            y = np.int64(indices[last])
            if y in (start, goal):
                continue
            # A walk start-goal-y-goal is not a simple path: subtract its part of reach[y].
            onward = reach[y] - near[goal] * weights[last]
            if onward > 1e-12 * reach[y]:
                total += penalty[y] * weights[last] * onward
        three[i] = total
    return two, three
