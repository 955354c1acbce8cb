"""Writes STRING's two human files at their full size, with synthetic links, in the provider's format.

    python -m benchmarks.graph.string_file DIR [--info ../shared/sources/string/9606.protein.info.v12.0.txt.gz]

DIR/string/ then holds 9606.protein.info.v12.0.txt.gz and 9606.protein.links.full.v12.0.txt.gz: 6.85 million pairs, each
both ways, grouped by their first protein, with every channel. Degrees follow a power law (Chung and Lu 2002, exponent
2.8, the largest some ten times the mean), combined scores fall off as STRING's do (half under 200, one in seven from
400, one in thirty from 700) and are what STRING's formula gives for the channels. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rbio_kg.graph_builders.sources.string.scores import LESS_BETWEEN_HOMOLOGS, combined

PROTEINS, PAIRS = 19_699, 6_850_000
INFO_NAME, LINKS_NAME = "9606.protein.info.v12.0.txt.gz", "9606.protein.links.full.v12.0.txt.gz"
COLUMNS = (
    *("neighborhood", "neighborhood_transferred", "fusion", "cooccurence", "homology"),
    *("coexpression", "coexpression_transferred", "experiments", "experiments_transferred"),
    *("database", "database_transferred", "textmining", "textmining_transferred"),
)
LEADING = {
    "textmining": 0.42,
    "coexpression": 0.13,
    "experiments": 0.12,
    "textmining_transferred": 0.1,
    "coexpression_transferred": 0.08,
    "experiments_transferred": 0.08,
    "database": 0.03,
    "neighborhood_transferred": 0.02,
    "cooccurence": 0.01,
    "database_transferred": 0.005,
    "fusion": 0.003,
    "neighborhood": 0.002,
}
"""Share of pairs for which each channel has the strongest evidence."""
WEAK_EVIDENCE = {
    "coexpression": 0.3,
    "coexpression_transferred": 0.3,
    "experiments_transferred": 0.2,
    "textmining": 0.2,
    "textmining_transferred": 0.2,
    "experiments": 0.1,
    "neighborhood_transferred": 0.06,
}
"""Share of pairs for which each channel has additional weak evidence."""
HOMOLOGOUS = 0.03
SURVIVAL = ((151, 1.0), (200, 0.44), (400, 0.125), (700, 0.0338), (900, 0.0147), (999, 1e-4))
"""Share of pairs whose strongest channel has at least a score; log-linear between."""
CHUNK = 500_000


def write_files(folder: Path, proteins: int, pairs: int, seed: int, info: Path | None = None) -> None:
    """Write both files into `folder`/string.

    Args:
        folder: made when missing.
        proteins: how many; those of `info` where that is given.
        pairs: how many, at most half of all possible ones.
        seed: decides everything drawn.
        info: a real info file, whose proteins are taken and which is written again.
    """
    target = folder / "string"
    target.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    text = _made_up(proteins) if info is None else _content(info)
    with _packed(target / INFO_NAME) as stream:
        stream.write(text)
    ids = pl.read_csv(text, separator="\t", quote_char=None, columns=["#string_protein_id"]).to_series()
    low, high = _pairs(random, ids.len(), pairs)
    rows = _scored(random, pairs)
    with _packed(target / LINKS_NAME) as stream:
        stream.write(" ".join(("protein1", "protein2", *COLUMNS, "combined_score")).encode() + b"\n")
        for part in _directed(random, low, high):
            pair = part % pairs
            one, other = np.where(part < pairs, low[pair], high[pair]), np.where(part < pairs, high[pair], low[pair])
            table = pl.DataFrame({"protein1": ids.gather(one), "protein2": ids.gather(other)}).hstack(rows[pair])
            # Not into the stream: polars would write past it, straight into the file below.
            stream.write(table.write_csv(separator=" ", include_header=False, quote_style="never").encode())


def _made_up(proteins: int) -> bytes:
    rows = (
        f"9606.ENSP{number:011}\tMADEUP{number}\t{100 + number % 900}\tmade up\n" for number in range(1, proteins + 1)
    )
    return ("#string_protein_id\tpreferred_name\tprotein_size\tannotation\n" + "".join(rows)).encode()


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


@contextmanager
def _packed(path: Path) -> Iterator[gzip.GzipFile]:
    # Without name and time, which gzip would keep.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
        yield packed


def _pairs(random: np.random.Generator, proteins: int, pairs: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Distinct pairs, lower position first: ends are drawn in proportion to each protein's expected degree."""
    if not 0 < pairs <= proteins * (proteins - 1) // 4:
        raise SystemExit(f"{pairs} pairs of {proteins} proteins: give 1 to {proteins * (proteins - 1) // 4}")
    expected = random.permutation((np.arange(proteins) + proteins / 320) ** -0.55)
    up_to = np.cumsum(expected) / expected.sum()
    found = np.empty(0, np.int64)
    while len(found) < pairs:
        ends = np.searchsorted(up_to, random.random((2, 1000 + 2 * (pairs - len(found)))), side="right")
        one, other = np.minimum(ends, proteins - 1)
        key = np.minimum(one, other) * proteins + np.maximum(one, other)
        found = np.unique(np.concatenate((found, key[one != other])))
    found = np.sort(random.choice(found, pairs, replace=False, shuffle=False))
    return (found // proteins).astype(np.int32), (found % proteins).astype(np.int32)


def _scored(random: np.random.Generator, pairs: int) -> pl.DataFrame:
    """`COLUMNS` and combined_score, (pairs,), at least 150."""
    scores, shares = np.array(SURVIVAL).T
    drawn = np.interp(np.log(random.random(pairs)), np.log(shares[::-1]), scores[::-1]).astype(np.int16)
    leading = random.choice(len(LEADING), pairs, p=list(LEADING.values())).astype(np.int8)
    columns = {name: np.zeros(pairs, np.int16) for name in COLUMNS}
    for name, share in WEAK_EVIDENCE.items():
        at = np.flatnonzero(random.random(pairs) < share)
        columns[name][at] = np.minimum(42 + random.exponential(18, len(at)), 149)
    for number, name in enumerate(LEADING):
        columns[name] = np.where(leading == number, drawn, columns[name])
    weakened = [
        number for number, name in enumerate(LEADING) if name.removesuffix("_transferred") in LESS_BETWEEN_HOMOLOGS
    ]
    alike = (random.random(pairs) < HOMOLOGOUS) & ~np.isin(leading, weakened)
    columns["homology"] = np.where(alike, random.integers(500, 1000, pairs), 0).astype(np.int16)
    rows = pl.DataFrame(columns)
    parts = [combined(rows[at : at + CHUNK]) for at in range(0, pairs, CHUNK)]
    return rows.with_columns(pl.Series("combined_score", np.concatenate(parts)))


def _directed(
    random: np.random.Generator, low: NDArray[np.int32], high: NDArray[np.int32]
) -> Iterator[NDArray[np.int64]]:
    """0 to 2 x pairs - 1 by the first protein, in no order within one; from `pairs` on they mean high to low."""
    mixed = random.permutation(2 * len(low))
    order = mixed[np.argsort(np.concatenate((low, high))[mixed], kind="stable")]
    for at in range(0, len(order), CHUNK):
        yield order[at : at + CHUNK]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--proteins", type=int, default=PROTEINS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--info", type=Path, help="take the proteins of this info file")
    options = parser.parse_args()
    write_files(options.directory, options.proteins, options.pairs, options.seed, options.info)


if __name__ == "__main__":
    main()
