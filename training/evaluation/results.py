"""What evaluations return: frozen records that read and write their JSON documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from rbio_kg.verifiers.stats.metrics import Difference

_JSON_NAMES = {"split_scheme": "protocol"}


@dataclass(frozen=True)
class Measures:
    """The measures of one predictor.

    Args:
        per_gene_auroc: mean AUROC within the genes that have both labels, 0 to 1; None without such a gene.
        interval: its 95 % bootstrap interval over genes, [low, high].
        genes: number of genes with both labels.
        rows: number of rows scored.
        rows_in_genes: rows of those genes.
        pooled: `f1`, `balanced_accuracy`, `mcc`, `tpr`, `tnr`, `auroc` over all rows.
        ece: expected calibration error; None unless all scores lie in 0 to 1.
        brier: Brier score; None as `ece`.
    """

    per_gene_auroc: float | None
    interval: tuple[float, float] | None
    genes: int
    rows: int
    rows_in_genes: int
    pooled: Mapping[str, float | None]
    ece: float | None
    brier: float | None

    def to_json(self) -> dict[str, Any]:
        """The document of `rbio_kg.verifiers.stats.metrics.summary`."""
        document = {item.name: getattr(self, item.name) for item in fields(self)}
        interval = None if self.interval is None else list(self.interval)
        return document | {"interval": interval, "pooled": dict(self.pooled)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The measures in a document; further keys are left out."""
        values = {item.name: document[item.name] for item in fields(cls)}
        interval = None if values["interval"] is None else (values["interval"][0], values["interval"][1])
        return cls(**values | {"interval": interval, "pooled": dict(values["pooled"])})

    def __str__(self) -> str:
        if self.per_gene_auroc is None or self.interval is None:
            return f"no gene has both labels ({self.rows:,} rows)"
        low, high = self.interval
        return f"per-gene AUROC {self.per_gene_auroc:.3f} [{low:.3f}, {high:.3f}], {self.genes:,} genes"


_MEASURED = frozenset(item.name for item in fields(Measures))


@dataclass(frozen=True)
class EvaluationResult:
    """A predictor's measures next to those of the trivial baselines on the same rows.

    Args:
        measures: of the predictor.
        baselines: of each baseline; None where it needs train rows and there are none.
        differences: per-gene AUROC of the predictor minus that of each baseline, with a 95 % interval.
        audit: what the leakage audit looked at (`checked`), and `leaks`, which is 0.
        task: `de` or `dir`.
        cell_line: that was predicted; None where it is not known.
        split_scheme: see `rbio_kg.verifiers.splits`; `protocol` in JSON.
        simulated: whether any label is simulated.
        seed: of folds, draws and intervals.
        coverage: share of the rows that the predictor itself scored, by its name; the others got the gene prior.
        unrecognised: kind of name that was not recognised -> number of rows.
        remarks: what people should know about the rows, a line each.
    """

    measures: Measures
    baselines: Mapping[str, Measures | None]
    differences: Mapping[str, Difference | None]
    audit: Mapping[str, Any]
    task: str
    cell_line: str | None
    split_scheme: str
    simulated: bool
    seed: int
    coverage: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    unrecognised: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    remarks: tuple[str, ...] = field(default=(), kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """The document of the command, with the measures at its top."""
        own = {
            _JSON_NAMES.get(item.name, item.name): getattr(self, item.name)
            for item in fields(self)
            if item.name not in ("measures", "baselines", "differences")
        }
        return {
            **self.measures.to_json(),
            "baselines": {name: None if found is None else found.to_json() for name, found in self.baselines.items()},
            "differences": {name: None if found is None else asdict(found) for name, found in self.differences.items()},
            **own,
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote."""
        own = {
            item.name: document[_JSON_NAMES.get(item.name, item.name)]
            for item in fields(cls)
            if item.name not in ("measures", "baselines", "differences")
        }
        return cls(**read_comparison(document), **own | {"remarks": tuple(own["remarks"])})

    def __str__(self) -> str:
        place = f"{self.task} {self.cell_line or ''}".strip()
        note = ", simulated labels" if self.simulated else ""
        return f"{place}, split scheme {self.split_scheme}{note}: {self.measures}"


@dataclass(frozen=True)
class ExpressionEvaluation(EvaluationResult):
    """The evaluation of an expression model that was fitted on a file's train rows.

    Args:
        model: `graph` or `mlp`.
        abstained: rows that the model did not score; they get the gene prior.
        split: that was scored.
        alone: whether other cell lines were left out.
        train_rows: number of rows that the model could be fitted on.
    """

    model: str
    abstained: int
    split: str
    alone: bool
    train_rows: int


@dataclass(frozen=True)
class Rival:
    """Another model's measures on the same rows, and its name."""

    name: str
    measures: Measures

    def to_json(self) -> dict[str, Any]:
        """The name among the measures."""
        return {"name": self.name, **self.measures.to_json()}


@dataclass(frozen=True)
class PredictionsEvaluation(EvaluationResult):
    """The evaluation of given predictions.

    Args:
        missing_rows: test rows of the questions that were not predicted and got the gene prior; None where no questions
            are known.
        extra_rows: predicted rows that the questions do not have as test rows; they are left out. None as above.
        probabilities: whether all scores lie in 0 to 1; metrics with a threshold need that.
        against: another model on the same rows; None where none was given.
    """

    missing_rows: int | None
    extra_rows: int | None
    probabilities: bool
    against: Rival | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `evaluate predictions`; `against` only where another model was given."""
        document = super().to_json()
        if self.against is None:
            del document["against"]
        else:
            document["against"] = self.against.to_json()
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote."""
        other = document.get("against")
        rival = None if other is None else Rival(other["name"], Measures.from_json(other))
        return super().from_json({**document, "against": rival})


@dataclass(frozen=True)
class PolicyEvaluation:
    """The evaluation of a policy by likelihood, by what it states, and by votes of sampled answers.

    Args:
        measures: the headline, those of the likelihood; without `rows_in_genes` and `brier` in JSON.
        baselines: of each baseline.
        differences: per-gene AUROC by likelihood minus that of each baseline.
        audit: what the leakage audit looked at.
        likelihood: the measures, `answer_mass` (mean probability of yes and no together) and `mean_probability`.
        stated: the measures of the probability that the policy would state, and `mean_probability`.
        votes: the measures of the mean stated probability of sampled answers, `samples`, `unparsed_rate` and
            `mean_reward`; None where nothing was sampled.
        examples: some questions with their prompt and first sampled answer.
        simulated: whether any label is simulated.
        seed: of samples and intervals.
        seconds: duration.
        reasoning: the document of `rbio_kg.training.evaluation.reasoning`, or None.
    """

    measures: Measures
    baselines: Mapping[str, Measures | None]
    differences: Mapping[str, Difference | None]
    audit: Mapping[str, Any]
    likelihood: Mapping[str, Any]
    stated: Mapping[str, Any]
    votes: Mapping[str, Any] | None
    examples: tuple[Mapping[str, Any], ...]
    simulated: bool
    seed: int
    seconds: float
    reasoning: Mapping[str, Any] | None = field(default=None)

    @property
    def unparsed_rate(self) -> float | None:
        """Share of sampled answers in a format that the reward does not accept, 0 to 1."""
        return None if self.votes is None else self.votes["unparsed_rate"]

    @property
    def well_formed(self) -> float | None:
        """Share of sampled answers in the format."""
        return None if self.unparsed_rate is None else 1.0 - self.unparsed_rate

    @property
    def coverage(self) -> dict[str, float]:
        """Share that gave a probability, 0 to 1: of the questions by likelihood, of the sampled answers by votes."""
        return {"likelihood": 1.0} | ({} if self.well_formed is None else {"votes": self.well_formed})

    @property
    def mean_reward(self) -> float | None:
        """Mean reward of the sampled answers; None where nothing was sampled or no reward was given."""
        return None if self.votes is None else self.votes["mean_reward"]

    def to_json(self) -> dict[str, Any]:
        """The document of `evaluate policy`."""
        headline = self.measures.to_json()
        document = {
            **{key: headline[key] for key in ("per_gene_auroc", "interval", "genes", "rows", "pooled", "ece")},
            "baselines": {name: None if found is None else found.to_json() for name, found in self.baselines.items()},
            "differences": {name: None if found is None else asdict(found) for name, found in self.differences.items()},
            "audit": dict(self.audit),
            "coverage": self.coverage,
            "unparsed_rate": self.unparsed_rate,
            "well_formed": self.well_formed,
            "mean_reward": self.mean_reward,
            "likelihood": dict(self.likelihood),
            "stated": dict(self.stated),
            "votes": None if self.votes is None else dict(self.votes),
            "examples": [dict(example) for example in self.examples],
            "simulated": self.simulated,
            "seed": self.seed,
            "seconds": self.seconds,
        }
        return document if self.reasoning is None else {**document, "reasoning": dict(self.reasoning)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The result that `to_json` wrote; further keys are left out."""
        likelihood = dict(document["likelihood"])
        return cls(
            **read_comparison({**document, **likelihood}),
            audit=dict(document["audit"]),
            likelihood=likelihood,
            stated=dict(document["stated"]),
            votes=document["votes"],
            examples=tuple(document["examples"]),
            simulated=document["simulated"],
            seed=document["seed"],
            seconds=document["seconds"],
            reasoning=document.get("reasoning"),
        )

    def __str__(self) -> str:
        note = ", simulated labels" if self.simulated else ""
        return f"policy{note}: {self.measures}"


def read_comparison(document: Mapping[str, Any]) -> dict[str, Any]:
    """The typed `measures`, `baselines` and `differences` of a document of `compare_with_baselines`."""
    return {
        "measures": Measures.from_json({name: document[name] for name in _MEASURED}),
        "baselines": {
            name: None if found is None else Measures.from_json(found) for name, found in document["baselines"].items()
        },
        "differences": {
            name: None if found is None else Difference(**found) for name, found in document["differences"].items()
        },
    }
