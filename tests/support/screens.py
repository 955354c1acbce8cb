"""Tables of differential expression as other programs write them, and a small table of gene names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from rbio_kg.graph.identity.gene_names import LABELS, GeneNames

PERTS = ("SP1", "MDM2", "MED12", "HLA-A", "SEPTIN2")
GENES = ("TP53", "PTBP2", "CDKN1A", "EXO1", "CCNA1", "CDK1")


def gene_names() -> GeneNames:
    """Names of a few genes, with an alias, a previous symbol and an identifier."""
    rows = [(symbol, symbol, "approved") for symbol in (*PERTS, *GENES)]
    rows += [("p53", "TP53", "alias"), ("SEPT2", "SEPTIN2", "previous"), ("ENSG00000141510", "TP53", "ensembl")]
    return GeneNames.of(pl.DataFrame(rows, schema=list(LABELS), orient="row"))


def effects(perts: tuple[str, ...] = PERTS, genes: tuple[str, ...] = GENES, seed: int = 0) -> pl.DataFrame:
    """A third of the pairs change, one in six lies between the thresholds: `pert`, `gene`, `padj`, `lfc`."""
    rng = np.random.default_rng(seed)
    pairs = [(pert, gene) for pert in perts for gene in genes]
    kinds = rng.permutation(np.arange(len(pairs)) % 6)
    signs = rng.choice([-1.0, 1.0], len(pairs))
    return pl.DataFrame(
        {
            "pert": [pert for pert, _ in pairs],
            "gene": [gene for _, gene in pairs],
            "padj": np.choose(kinds, [0.001, 0.01, 0.2, 0.7, 0.9, 1.0]),
            "lfc": signs * np.choose(kinds, [1.5, 0.5, 1.0, 0.1, 0.0, 0.25]),
        }
    )


def _scanpy(rows: pl.DataFrame) -> pl.DataFrame:
    score, p = pl.lit(2.5).alias("scores"), (pl.col("padj") / 2).alias("pvals")
    return rows.select(pl.col("pert").alias("group"), pl.col("gene").alias("names"), score, *_last(p))


def _last(p: pl.Expr) -> tuple[pl.Expr, ...]:
    return pl.col("lfc").alias("logfoldchanges"), p, pl.col("padj").alias("pvals_adj")


def _pdex(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        pl.col("pert").alias("target"),
        pl.col("gene").alias("feature"),
        pl.lit(1.0).alias("target_mean"),
        pl.lit(1.0).alias("reference_mean"),
        (2 ** pl.col("lfc")).alias("fold_change"),
        (pl.col("padj") / 2).alias("p_value"),
        pl.col("padj").alias("fdr"),
    )


PROGRAMS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "scanpy": _scanpy,
    "pdex or cell-eval": _pdex,
    "pertpy": lambda rows: rows.select(
        pl.col("gene").alias("variable"),
        (pl.col("padj") / 2).alias("p_value"),
        pl.col("lfc").alias("log_fc"),
        pl.col("padj").alias("adj_p_value"),
        pl.col("pert").alias("contrast"),
    ),
    "DESeq2": lambda rows: rows.select(
        pl.col("gene").alias(""),
        pl.lit(10.0).alias("baseMean"),
        pl.col("lfc").alias("log2FoldChange"),
        pl.lit(0.1).alias("lfcSE"),
        (pl.col("padj") / 2).alias("pvalue"),
        "padj",
        (pl.col("pert") + "_vs_non-targeting").alias("contrast"),
    ),
    "edgeR": lambda rows: rows.select(
        pl.col("gene").alias("genes"),
        pl.col("lfc").alias("logFC"),
        pl.lit(5.0).alias("logCPM"),
        pl.lit(3.0).alias("LR"),
        (pl.col("padj") / 2).alias("PValue"),
        pl.col("padj").alias("FDR"),
        pl.col("pert").alias("comparison"),
    ),
    "limma": lambda rows: rows.select(
        pl.col("pert").alias("Perturbation"),
        pl.col("gene").alias("Gene.symbol"),
        pl.col("lfc").alias("logFC"),
        pl.lit(5.0).alias("AveExpr"),
        (pl.col("padj") / 2).alias("P.Value"),
        pl.col("padj").alias("adj.P.Val"),
    ),
    "Seurat": lambda rows: rows.select(
        (pl.col("gene") + ".1").alias(""),
        (pl.col("padj") / 2).alias("p_val"),
        pl.col("lfc").alias("avg_log2FC"),
        pl.lit(0.5).alias("pct.1"),
        pl.col("padj").alias("p_val_adj"),
        pl.col("pert").alias("cluster"),
        "gene",
    ),
}
"""Program -> the table that it writes from the rows of `effects`."""
