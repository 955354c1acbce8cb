"""Where collections of single-cell screens keep perturbations, controls, replicates and gene names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rbio_kg.core.errors import ConfigError, SourceError
from rbio_kg.training.data.screens.columns import plain_name

_ANY_PERTURBATION = (
    "perturbation perturbed_gene target_gene gene_target targetgene gene_perturbed condition gene guide_target "
    "guide_identity guide perturbation_name genetic_perturbation perturbation_id genetic_perturbation_id "
    "sgRNA grna gRNA_target treatment"
)
_ANY_REPLICATE = "replicate batch gem_group gemgroup batch_var sample library donor_id donor lane channel plate"
_ANY_GENE = "gene_symbols gene_symbol gene_name feature_name symbol gene_id ensembl_id gene_ids"


@dataclass(frozen=True)
class Preset:
    """Names of one collection, the likeliest first.

    Args:
        perturbation: columns of `obs` with the perturbation.
        control: labels of control cells; empty to recognise them.
        replicate: columns of `obs` with the replicate.
        genes: columns of `var` with gene names; the index is always tried.
        single: how a label writes a perturbation of one gene, of which the rest is cut: `TP53+ctrl`.
    """

    perturbation: tuple[str, ...] = tuple(_ANY_PERTURBATION.split())
    control: tuple[str, ...] = ()
    replicate: tuple[str, ...] = tuple(_ANY_REPLICATE.split())
    genes: tuple[str, ...] = tuple(_ANY_GENE.split())
    single: str = ""


PRESETS = {
    "scperturb": Preset(("perturbation",), ("control",)),
    "gears": Preset(("condition",), ("ctrl",), single="+ctrl"),
    "arc": Preset(("target_gene", "gene"), ("non-targeting",), ("batch_var", "batch", "gem_group", "replicate")),
    "cellxgene": Preset(
        ("genetic_perturbation_id", "genetic_perturbation", *_ANY_PERTURBATION.split()),
        replicate=("donor_id", *_ANY_REPLICATE.split()),
        genes=("feature_name",),
    ),
}
"""Collection -> its names."""
ANY = Preset()


def preset_named(name: str | None) -> Preset:
    """A preset by name; None guesses.

    Raises:
        ConfigError: there is none of this name.
    """
    if name is None:
        return ANY
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}", where="--preset", hint="known: " + ", ".join(PRESETS))
    return PRESETS[name]


def column_of(there: Collection[str], chosen: str | None, likely: Sequence[str], where: object, option: str) -> str:
    """The chosen column, else the first likely one that is there.

    Raises:
        SourceError: the chosen column, or every likely one, is missing.
    """
    shown = ", ".join(map(repr, list(there)[:20])) or "none"
    if chosen is not None:
        if chosen not in there:
            hint = f"the file's columns are {shown}"
            raise SourceError(f"the file has no column {chosen!r} in obs", where=str(where), hint=hint)
        return chosen
    found = maybe_column(there, likely)
    if found is None:
        raise SourceError(
            "no column of obs has a name that is known for this",
            where=str(where),
            hint=f"name it with {option}; the file's columns are {shown}",
        )
    return found


def maybe_column(there: Collection[str], likely: Sequence[str]) -> str | None:
    """The first likely column that is there, by letters and digits; None without one."""
    plain = {plain_name(column): column for column in there}
    return next((plain[plain_name(name)] for name in likely if plain_name(name) in plain), None)


def single_gene(label: str, preset: Preset) -> str:
    """A label without what the preset writes for a perturbation of one gene.

    Example:
        >>> [single_gene(label, PRESETS["gears"]) for label in ("TP53+ctrl", "ctrl+TP53", "TP53+MDM2", "ctrl")]
        ['TP53', 'TP53', 'TP53+MDM2', 'ctrl']
    """
    if not preset.single:
        return label
    joint, control = preset.single[0], preset.single[1:]
    return label.removesuffix(joint + control).removeprefix(control + joint)
