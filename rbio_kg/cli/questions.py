"""Commands about questions: questions make, questions from-de, questions from-h5ad."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbio_kg.cli.session import AcceptOption, MostOption, Session, command
from rbio_kg.cli.tables import show_table
from rbio_kg.core.cell_lines import canonical_line
from rbio_kg.graph.identity.rules import MOST, NameRules
from rbio_kg.services.questions import make_questions
from rbio_kg.services.screens.result import ScreenOutput

if TYPE_CHECKING:
    from rbio_kg.services.screens.result import ScreenQuestions

LineOption = Annotated[str | None, typer.Option("--cell-line", help="Cell line of the screen.")]
MaxPadjOption = Annotated[float, typer.Option("--max-padj", help="Label 1: adjusted p-value of at most this.")]
MinLfcOption = Annotated[
    float, typer.Option("--min-abs-lfc", help="Label 1: absolute log2 fold change of at least this.")
]
AmbiguousOption = Annotated[
    float,
    typer.Option("--ambiguous-padj", help="Label 0: adjusted p-value of at least this; rows between are dropped."),
]
NegativesOption = Annotated[
    float | None,
    typer.Option("--negatives-per-positive", help="Most rows of label 0 for each of label 1 of a gene; all otherwise."),
]
TestShareOption = Annotated[float, typer.Option("--test-share", help="Share of the perturbations that are test.")]
SplitSeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of split and negatives.")]
ScreenOutOption = Annotated[
    Path | None, typer.Option("--out", help="Questions file to write: does expression change (k562-de.csv).")
]
ScreenDirOption = Annotated[
    Path | None, typer.Option("--out-dir", help="Questions file to write: does it increase (k562-dir.csv).")
]


def _show_screen(session: Session, result: ScreenQuestions) -> None:
    """What was made, and what became of the other rows."""
    session.remark(result.remarks)
    rows = [
        ("questions", result.rows),
        ("perturbations", result.perturbations),
        ("genes", result.genes),
        ("base rate", result.base_rate),
        ("directions", result.dir.height),
        ("ambiguous rows, dropped", result.ambiguous),
        *((f"set aside: {reason}", count) for reason, count in result.set_aside.items()),
        *(() if result.cells is None else (("cells compared", result.cells),)),
        *((f"cells left out: {reason}", count) for reason, count in (result.set_aside_cells or {}).items()),
    ]
    files = ", ".join(name for name in (result.out, result.out_dir) if name is not None)
    session.emit(result.to_json(), lambda: show_table(["what", "count"], rows, title=files))


def _need_an_output(out: Path | None, out_dir: Path | None) -> None:
    if out is None and out_dir is None:
        raise typer.BadParameter("name a file to write: --out FILE, --out-dir FILE or both")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    questions = typer.Typer(no_args_is_help=True, help="Questions that a policy is trained on.")
    app.add_typer(questions, name="questions")

    @command(questions, "make")
    def make(
        session: Session,
        out: Annotated[Path, typer.Option("--out", help="Parquet file, or CSV, to write.")],
        family: Annotated[
            list[str] | None,
            typer.Option(
                "--family",
                help="de, dir, physical, functional, regulation, membership; repeatable; otherwise all the graph has.",
            ),
        ] = None,
        rows: Annotated[int, typer.Option("--rows", min=2, help="Questions of each family, about.")] = 2000,
        cell_line: Annotated[str | None, typer.Option("--cell-line", help="Of de and dir; all otherwise.")] = None,
        split_scheme: Annotated[str, typer.Option("--protocol", help="Whose test rows are never taken.")] = "official",
        seed: Annotated[int | None, typer.Option("--seed", help="Seed of all draws.")] = None,
    ) -> None:
        """Write balanced questions, each with its answer and its text, for a recipe's questions.file."""
        made = make_questions(
            session.workspace(seed=seed),
            session.progress,
            families=family,
            rows=rows,
            cell_line=None if cell_line is None else canonical_line(cell_line),
            split_scheme=split_scheme,
            out=out,
        )
        for lacking, why in made.lacking.items():
            session.say(f"left out: {lacking} ({why})")
        columns = ["family", "split", "relation", "rows", "yes", "templates"]
        session.emit(
            made.to_json(),
            lambda: show_table(
                columns,
                [[getattr(row, name) for name in columns] for row in made.families],
                title=f"{made.rows:,} questions in {out}",
            ),
        )

    @command(questions, "from-de")
    def from_de(
        session: Session,
        tables: Annotated[
            list[Path],
            typer.Argument(
                help="CSV, TSV or Parquet. Without a column of perturbations, each is named after its own: TP53.csv.",
                metavar="TABLE...",
            ),
        ],
        perturbation: Annotated[str | None, typer.Option("--perturbation", help="Column; guessed otherwise.")] = None,
        gene: Annotated[str | None, typer.Option("--gene", help="Column of readout genes; guessed otherwise.")] = None,
        padj: Annotated[
            str | None, typer.Option("--padj", help="Column of adjusted p-values; guessed otherwise.")
        ] = None,
        lfc: Annotated[str | None, typer.Option("--lfc", help="Column of log fold changes; guessed otherwise.")] = None,
        cell_line: LineOption = None,
        max_padj: MaxPadjOption = 0.05,
        min_abs_lfc: MinLfcOption = 0.25,
        ambiguous_padj: AmbiguousOption = 0.5,
        negatives_per_positive: NegativesOption = None,
        test_share: TestShareOption = 0.2,
        seed: SplitSeedOption = None,
        out: ScreenOutOption = None,
        out_dir: ScreenDirOption = None,
        accept: AcceptOption = False,
        most: MostOption = MOST,
    ) -> None:
        """Make questions from a table of differential expression."""
        from rbio_kg.services.screens.from_table import questions_from_de
        from rbio_kg.training.data.screens.columns import ColumnNames
        from rbio_kg.training.data.screens.labels import LabelRules

        _need_an_output(out, out_dir)
        workspace = session.workspace(seed=seed)
        result = questions_from_de(
            workspace,
            tables,
            ScreenOutput(out, out_dir, cell_line, NameRules(accept, most)),
            LabelRules(
                max_padj, min_abs_lfc, ambiguous_padj, negatives_per_positive, test_share, workspace.settings.seed
            ),
            ColumnNames(perturbation, gene, padj, lfc),
            say=session.say,
            progress=session.progress,
        )
        _show_screen(session, result)

    @command(questions, "from-h5ad")
    def from_h5ad(
        session: Session,
        file: Annotated[Path, typer.Argument(help="Single-cell perturbation screen (h5ad).", metavar="FILE")],
        perturbation_key: Annotated[
            str | None, typer.Option("--perturbation-key", help="Column of obs with perturbations; guessed otherwise.")
        ] = None,
        control: Annotated[
            list[str] | None,
            typer.Option("--control", help="Label of control cells; repeatable; recognised otherwise."),
        ] = None,
        preset: Annotated[
            str | None, typer.Option("--preset", help="Names of scperturb, gears, arc or cellxgene.")
        ] = None,
        method: Annotated[str, typer.Option("--method", help="wilcoxon (cells) or pseudobulk (replicates).")] = (
            "wilcoxon"
        ),
        min_cells: Annotated[int, typer.Option("--min-cells", help="Fewest cells of a perturbation.")] = 25,
        replicate_key: Annotated[
            str | None, typer.Option("--replicate-key", help="Column of obs with replicates, for pseudobulk.")
        ] = None,
        layer: Annotated[
            str | None, typer.Option("--layer", help="X, raw or a layer; the first with counts otherwise.")
        ] = None,
        min_detected: Annotated[
            float, typer.Option("--min-detected", help="Least share of cells, of either group, that have a gene.")
        ] = 0.05,
        max_control_cells: Annotated[
            int, typer.Option("--max-control-cells", help="Most control cells for Wilcoxon's test, drawn at random.")
        ] = 5000,
        max_memory: Annotated[float, typer.Option("--max-memory", help="GiB for values of cells.")] = 2.0,
        cell_line: LineOption = None,
        max_padj: MaxPadjOption = 0.05,
        min_abs_lfc: MinLfcOption = 0.25,
        ambiguous_padj: AmbiguousOption = 0.5,
        negatives_per_positive: NegativesOption = None,
        test_share: TestShareOption = 0.2,
        seed: SplitSeedOption = None,
        out: ScreenOutOption = None,
        out_dir: ScreenDirOption = None,
        accept: AcceptOption = False,
        most: MostOption = MOST,
    ) -> None:
        """Make questions from the cells of a perturbation screen."""
        from rbio_kg.services.screens.from_h5ad import questions_from_h5ad
        from rbio_kg.training.data.screens.cells import CellOptions
        from rbio_kg.training.data.screens.labels import LabelRules

        _need_an_output(out, out_dir)
        workspace = session.workspace(seed=seed)
        result = questions_from_h5ad(
            workspace,
            file,
            ScreenOutput(out, out_dir, cell_line, NameRules(accept, most)),
            LabelRules(
                max_padj, min_abs_lfc, ambiguous_padj, negatives_per_positive, test_share, workspace.settings.seed
            ),
            CellOptions(
                perturbation_key=perturbation_key,
                control=control or None,
                preset=preset,
                method=method,
                min_cells=min_cells,
                replicate_key=replicate_key,
                layer=layer,
                min_detected=min_detected,
                max_control_cells=max_control_cells,
                max_memory=max_memory,
            ),
            say=session.say,
            progress=session.progress,
        )
        _show_screen(session, result)
