"""The ontology-text verifier: agreement pays, stuffing does not, and the battery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rbio_kg.claims import Claim
from rbio_kg.errors import VerifierError
from tests.batteries.verifier import VerifierBattery
from tests.verifiers.named_graph import TERMS, named_snapshot
from verifiers.interface import Verifier
from verifiers.ontology_text import OntologyTextVerifier, Variant

CLAIM = Claim("TP53", "changes_expression_of", "SP1", "k562")
HONEST = (
    "TP53 takes part in double-strand break repair. TP53 is involved in the cell cycle. "
    "SP1 takes part in negative regulation of transcription by RNA polymerase II."
)


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OntologyTextVerifier]:
    folder = tmp_path_factory.mktemp("named") / "snapshot"
    named_snapshot(folder)
    variants: tuple[Variant, ...] = ("rouge", "keyword")
    return {variant: OntologyTextVerifier(folder, variant) for variant in variants}


class _Battery(VerifierBattery):
    @pytest.fixture
    def claims(self) -> list[Claim]:
        return [CLAIM] * 4 + [Claim("TP53", "takes_part_in", "GO:0000003"), Claim("REST", "interacts_with", "SET")]

    @pytest.fixture
    def texts(self, verifier: Verifier, claims: list[Claim]) -> list[str]:
        return [HONEST, "TP53 is a gene.", "", HONEST[:46], "TP53 takes part in double-strand break repair.", HONEST]


class TestRouge(_Battery):
    @pytest.fixture
    def verifier(self, verifiers: dict[str, OntologyTextVerifier]) -> Verifier:
        return verifiers["rouge"]


class TestKeyword(_Battery):
    @pytest.fixture
    def verifier(self, verifiers: dict[str, OntologyTextVerifier]) -> Verifier:
        return verifiers["keyword"]


@pytest.fixture(params=["rouge", "keyword"])
def verifier(request: pytest.FixtureRequest, verifiers: dict[str, OntologyTextVerifier]) -> OntologyTextVerifier:
    return verifiers[request.param]


def score(verifier: OntologyTextVerifier, text: str) -> float:
    return float(verifier.score([CLAIM], [text])[0])


def test_saying_what_the_genes_do_in_plain_words_is_enough(verifier: OntologyTextVerifier) -> None:
    assert score(verifier, HONEST) == pytest.approx(1.0, abs=0.1)
    assert score(verifier, HONEST.replace("TP53", "p53")) == score(verifier, HONEST)
    assert score(verifier, "TP53 and SP1 are genes of the human cell.") < 0.2
    assert 0.2 < score(verifier, "TP53 takes part in double-strand break repair.") < 0.6


@pytest.mark.parametrize(
    "text",
    [
        "TP53 SP1 " * 200,
        " ".join(name for name, _, _ in TERMS.values()) * 20,
        ". ".join(name for name, _, _ in TERMS.values()),
        "TP53 SP1 " + ", ".join(name for name, _, _ in TERMS.values()),
        "TP53: " + "; ".join(name for name, _, _ in TERMS.values()),
        "TP53 does not take part in double-strand break repair. "
        "SP1 takes no part in negative regulation of transcription by RNA polymerase II.",
        "MYC takes part in double-strand break repair. MYC is involved in the cell cycle.",
    ],
)
def test_stuffing_earns_little(verifier: OntologyTextVerifier, text: str) -> None:
    assert score(verifier, text) <= 0.3


def test_more_of_the_same_earns_no_more(verifier: OntologyTextVerifier) -> None:
    once = "TP53 takes part in double-strand break repair. "
    assert score(verifier, once * 30) == score(verifier, once)
    names = [name for name, _, _ in TERMS.values()]
    padded = "".join(f"TP53 takes part in {name} of nothing. SP1 takes part in {name}. " for name in names)
    assert score(verifier, HONEST + padded) <= score(verifier, HONEST)


def test_guesses_cannot_be_piled_up(verifier: OntologyTextVerifier) -> None:
    wrong = "".join(f"TP53 takes part in thing {i}. SP1 takes part in thing {i}. " for i in range(4))
    assert score(verifier, wrong + HONEST) < 0.3


def test_abstains_without_text_or_annotation(verifier: OntologyTextVerifier) -> None:
    assert np.isnan(score(verifier, "  "))
    assert np.isnan(verifier.score([Claim("REST", "interacts_with", "SET")], [HONEST])[0])
    assert verifier.explain(Claim("REST", "interacts_with", "SET"), HONEST).reason == "no GO annotation of these genes"


def test_cites_the_terms_that_were_said(verifier: OntologyTextVerifier) -> None:
    verdict = verifier.explain(CLAIM, HONEST)
    cited = {(element.start.key, element.end.key) for element in verdict.evidence}
    assert cited == {("TP53", "GO:0000003"), ("TP53", "GO:0000006"), ("SP1", "GO:0000005")}


def test_an_unknown_variant_is_refused(verifier: OntologyTextVerifier) -> None:
    with pytest.raises(VerifierError, match="bleu"):
        OntologyTextVerifier(verifier.snapshot_dir, "bleu")  # type: ignore[arg-type]


def test_only_the_wanted_ontologies_are_read(tmp_path: Path) -> None:
    named_snapshot(tmp_path / "snapshot")
    claim = Claim("TP53", "changes_expression_of", "MYC", "toy")
    text = "TP53 takes part in double-strand break repair. MYC takes part in cell cycle."
    process, function = (
        OntologyTextVerifier(tmp_path / "snapshot", namespaces=[name])
        for name in ("biological_process", "molecular_function")
    )
    whole = OntologyTextVerifier(tmp_path / "snapshot")
    assert process.score([claim], [text])[0] == whole.score([claim], [text])[0] > 0
    assert np.isnan(function.score([claim], [text])[0])
    with pytest.raises(VerifierError, match="GO has no ontologies"):
        OntologyTextVerifier(tmp_path / "snapshot", namespaces=["processes"])


@pytest.mark.parametrize("variant", ["rouge", "keyword"])
@pytest.mark.parametrize("name", ["cytosol", "nucleus", "protein binding", "regulation of the cell cycle"])
def test_a_plain_sentence_agrees_as_much_as_a_bare_keyword(
    verifiers: dict[str, OntologyTextVerifier], variant: str, name: str
) -> None:
    """Names of one word too: leaving the other words out earns nothing."""
    verifier = verifiers[variant]
    assert verifier._agreement(name, name) == 1.0
    for sentence in (f"takes part in {name}", f"is involved in the {name}", f"participates in {name}"):
        assert verifier._agreement(sentence, name) == 1.0
    assert verifier._agreement("takes part in something else", name) == 0.0
