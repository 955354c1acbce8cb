"""Compiled kernels over compressed sparse rows: many pairs at once, one thread, no Python objects.

Every kernel takes the arrays of a `Csr` (read-only) and int32 index arrays of shape (pairs,), and gives arrays of
shape (pairs,). They release the interpreter lock and are compiled once a machine (numba's cache).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function compiled for one thread, kept in numba's cache; it releases the interpreter lock."""
    compiled: F = njit(cache=True, nogil=True)(function)
    return compiled


@compiled
def find(indptr: NDArray[Any], indices: NDArray[Any], row: int, column: int) -> int:
    """Position of `column` in an ascending row, or -1."""
    low, high = int(indptr[row]), int(indptr[row + 1])
    while low < high:
        middle = (low + high) >> 1
        if indices[middle] < column:
            low = middle + 1
        else:
            high = middle
    if low < indptr[row + 1] and indices[low] == column:
        return low
    return -1


@compiled
def direct_weights(  # noqa: PLR0917
    indptr: NDArray[Any], indices: NDArray[Any], weights: NDArray[Any], a: NDArray[Any], b: NDArray[Any], missing: float
) -> NDArray[np.float64]:
    """Weight of entry (a, b), or `missing` where there is none. Rows ascending."""
    out = np.empty(a.shape[0], dtype=np.float64)
    for i in range(a.shape[0]):
        position = find(indptr, indices, a[i], b[i])
        out[i] = weights[position] if position >= 0 else missing
    return out


@compiled
def shared_neighbours(
    indptr: NDArray[Any], indices: NDArray[Any], a: NDArray[Any], b: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Number of common neighbours, Adamic-Adar (Adamic and Adar 2003) and resource allocation (Zhou et al. 2009).

    Rows ascending and the matrix symmetric. Adamic-Adar adds 1/ln(degree) and resource allocation 1/degree for every
    common neighbour; one of degree 1 (only when a = b) adds nothing to the former.
    """
    count = np.zeros(a.shape[0], dtype=np.float64)
    adamic = np.zeros(a.shape[0], dtype=np.float64)
    resource = np.zeros(a.shape[0], dtype=np.float64)
    for i in range(a.shape[0]):
        p, p_end = indptr[a[i]], indptr[a[i] + 1]
        q, q_end = indptr[b[i]], indptr[b[i] + 1]
        while p < p_end and q < q_end:
            x, y = indices[p], indices[q]
            if x == y:
                degree = indptr[x + 1] - indptr[x]
                count[i] += 1.0
                if degree > 1:
                    adamic[i] += 1.0 / np.log(degree)
                resource[i] += 1.0 / degree
                p += 1
                q += 1
            elif x < y:
                p += 1
            else:
                q += 1
    return count, adamic, resource


@compiled
def shared_terms(
    indptr: NDArray[Any], indices: NDArray[Any], content: NDArray[Any], a: NDArray[Any], b: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Most informative shared term, its content, and shared over united content.

    Rows descend by `content` (ties by ascending index), so the first match of a merge is the most informative one.

    Returns:
        term: int32, -1 where nothing is shared.
        best: content of that term (Resnik 1995), 0 where nothing is shared.
        overlap: sum of shared content over sum of united content, 0 to 1 (simGIC, Pesquita et al. 2008).
    """
    term = np.full(a.shape[0], -1, dtype=np.int32)
    best = np.zeros(a.shape[0], dtype=np.float64)
    overlap = np.zeros(a.shape[0], dtype=np.float64)
    for i in range(a.shape[0]):
        p, p_end = indptr[a[i]], indptr[a[i] + 1]
        q, q_end = indptr[b[i]], indptr[b[i] + 1]
        shared, united = 0.0, 0.0
        while p < p_end and q < q_end:
            x, y = indices[p], indices[q]
            if x == y:
                if term[i] < 0:
                    term[i] = x
                    best[i] = content[x]
                shared += content[x]
                united += content[x]
                p += 1
                q += 1
            elif content[x] > content[y] or (content[x] == content[y] and x < y):
                united += content[x]
                p += 1
            else:
                united += content[y]
                q += 1
        while p < p_end:
            united += content[indices[p]]
            p += 1
        while q < q_end:
            united += content[indices[q]]
            q += 1
        if united > 0.0:
            overlap[i] = shared / united
    return term, best, overlap


@compiled
def shared_groups(
    indptr: NDArray[Any], indices: NDArray[Any], values: NDArray[Any], a: NDArray[Any], b: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The shared column with the largest value, and that value (-1 and 0 if nothing is shared). Rows ascending.

    `values` has one number per column.
    """
    group = np.full(a.shape[0], -1, dtype=np.int32)
    best = np.zeros(a.shape[0], dtype=np.float64)
    for i in range(a.shape[0]):
        p, p_end = indptr[a[i]], indptr[a[i] + 1]
        q, q_end = indptr[b[i]], indptr[b[i] + 1]
        while p < p_end and q < q_end:
            x, y = indices[p], indices[q]
            if x == y:
                if values[x] > best[i]:
                    best[i] = values[x]
                    group[i] = x
                p += 1
                q += 1
            elif x < y:
                p += 1
            else:
                q += 1
    return group, best


@compiled
def neighbour_support(  # noqa: PLR0917
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: NDArray[Any],
    member_ptr: NDArray[Any],
    member_indices: NDArray[Any],
    gene: NDArray[Any],
    group: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of a gene's neighbours that belong to a group, and weight of all its neighbours.

    `member_*` lists each group's genes, ascending. The gene itself is left out.
    """
    support = np.zeros(gene.shape[0], dtype=np.float64)
    total = np.zeros(gene.shape[0], dtype=np.float64)
    for i in range(gene.shape[0]):
        for position in range(indptr[gene[i]], indptr[gene[i] + 1]):
            x = indices[position]
            if x == gene[i]:
                continue
            total[i] += weights[position]
            if find(member_ptr, member_indices, group[i], x) >= 0:
                support[i] += weights[position]
    return support, total


@compiled
def best_paths(  # noqa: PLR0917
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: NDArray[Any],
    last_ptr: NDArray[Any],
    last_indices: NDArray[Any],
    last_weights: NDArray[Any],
    a: NDArray[Any],
    b: NDArray[Any],
    fewest: int,
    most: int,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The simple path from a to b of `fewest` to `most` steps (1 to 3) with the largest product of step weights.

    Each row of the first matrix descends by weight, which lets the search stop early; its weights (0 to 1) may carry a
    penalty for the node entered. The last step is taken from the second matrix: row b lists the nodes that lead to b.

    Returns:
        product: 0 where there is no path (or a = b).
        nodes: int32 (pairs, 4), the path from a to b, -1 after its end.
    """
    product = np.zeros(a.shape[0], dtype=np.float64)
    nodes = np.full((a.shape[0], 4), -1, dtype=np.int32)
    into = np.zeros(last_ptr.shape[0] - 1, dtype=np.float64)
    for i in range(a.shape[0]):
        start, goal = a[i], b[i]
        if start == goal:
            continue
        top = 0.0
        for position in range(last_ptr[goal], last_ptr[goal + 1]):
            into[last_indices[position]] = last_weights[position]
            top = max(top, last_weights[position])
        best = 0.0
        if fewest <= 1 and into[start] > 0.0:
            best = into[start]
            nodes[i, 0], nodes[i, 1] = start, goal
        low, high = indptr[start], indptr[start + 1]
        if fewest <= 2 and most >= 2:
            for first in range(low, high):
                if weights[first] * top <= best:
                    break
                x = indices[first]
                if x in (goal, start):
                    continue
                value = weights[first] * into[x]
                if value > best:
                    best = value
                    nodes[i, 0], nodes[i, 1], nodes[i, 2] = start, x, goal
        if most >= 3:
            for first in range(low, high):
                if weights[first] * top <= best:
                    break
                x = indices[first]
                if x in (goal, start):
                    continue
                for second in range(indptr[x], indptr[x + 1]):
                    value = weights[first] * weights[second]
                    if value * top <= best:
                        break
                    y = indices[second]
                    if y in (goal, start, x):
                        continue
                    value *= into[y]
                    if value > best:
                        best = value
                        nodes[i, 0], nodes[i, 1], nodes[i, 2], nodes[i, 3] = start, x, y, goal
        product[i] = best
        for position in range(last_ptr[goal], last_ptr[goal + 1]):
            into[last_indices[position]] = 0.0
    return product, nodes


@compiled
def ancestor_closure(
    indptr: NDArray[Any], indices: NDArray[Any], parent_ptr: NDArray[Any], parent_indices: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every row's columns together with all their ancestors; rows in no order. Cycles do no harm.

    Returns:
        indptr: int64 (rows + 1,).
        indices: int32.
    """
    rows, columns = indptr.shape[0] - 1, parent_ptr.shape[0] - 1
    out_ptr = np.zeros(rows + 1, dtype=np.int64)
    out = np.empty(max(16, 8 * indices.shape[0]), dtype=np.int32)
    seen = np.full(columns, -1, dtype=np.int64)
    size = 0
    for row in range(rows):
        if size + columns > out.shape[0]:
            grown = np.empty(2 * out.shape[0] + columns, dtype=np.int32)
            grown[:size] = out[:size]
            out = grown
        begin = size
        for position in range(indptr[row], indptr[row + 1]):
            column = indices[position]
            if seen[column] != row:
                seen[column] = row
                out[size] = column
                size += 1
        # The row's part of `out` is its own queue: what is behind `begin` has been met, its parents not yet.
        while begin < size:
            column = out[begin]
            begin += 1
            for position in range(parent_ptr[column], parent_ptr[column + 1]):
                parent = parent_indices[position]
                if seen[parent] != row:
                    seen[parent] = row
                    out[size] = parent
                    size += 1
        out_ptr[row + 1] = size
    return out_ptr, out[:size].copy()
