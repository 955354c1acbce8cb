"""The ontology-text verifier: agreement raises the score, keyword stuffing does not, and the battery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rbio_kg.core.claims import Claim
from rbio_kg.core.errors import VerifierError
from rbio_kg.verifiers.base.verifier import Verifier
from rbio_kg.verifiers.text.ontology_text import VARIANTS, OntologyTextVerifier
from tests.contracts.verifier import VerifierContract
from tests.support.named_graph import TERMS, named_snapshot
from tests.support.tiny_model import tiny_model, tiny_tokenizer

CLAIM = Claim("TP53", "changes_expression_of", "SP1", "k562")
REFERENCE = (
    "TP53 takes part in double-strand break repair. TP53 is involved in the cell cycle. "
    "SP1 takes part in negative regulation of transcription by RNA polymerase II."
)


def model_that_read(folder: Path) -> Path:
    """A tiny language model trained for a few steps to continue the reference text with the annotations."""
    import torch

    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    example = f"{REFERENCE} TP53 takes part in {TERMS['GO:0000003'][0]}, {TERMS['GO:0000006'][0]}."
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer.encode(example, add_special_tokens=False)]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(40):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OntologyTextVerifier]:
    folder = tmp_path_factory.mktemp("named") / "snapshot"
    named_snapshot(folder)
    model = model_that_read(tmp_path_factory.mktemp("model"))
    return {
        variant: OntologyTextVerifier(folder, variant, model=model if variant == "likelihood" else None)
        for variant in VARIANTS
    }


class _Battery(VerifierContract):
    @pytest.fixture
    def claims(self) -> list[Claim]:
        return [CLAIM] * 4 + [Claim("TP53", "takes_part_in", "GO:0000003"), Claim("REST", "interacts_with", "SET")]

    @pytest.fixture
    def texts(self, verifier: Verifier, claims: list[Claim]) -> list[str]:
        return [
            REFERENCE,
            "TP53 is a gene.",
            "",
            REFERENCE[:46],
            "TP53 takes part in double-strand break repair.",
            REFERENCE,
        ]


class TestRouge(_Battery):
    @pytest.fixture
    def verifier(self, verifiers: dict[str, OntologyTextVerifier]) -> Verifier:
        return verifiers["rouge"]


class TestKeyword(_Battery):
    @pytest.fixture
    def verifier(self, verifiers: dict[str, OntologyTextVerifier]) -> Verifier:
        return verifiers["keyword"]


class TestLikelihood(_Battery):
    @pytest.fixture
    def verifier(self, verifiers: dict[str, OntologyTextVerifier]) -> Verifier:
        return verifiers["likelihood"]


@pytest.fixture(params=["rouge", "rouge1", "rouge2", "rougeL", "keyword"])
def verifier(request: pytest.FixtureRequest, verifiers: dict[str, OntologyTextVerifier]) -> OntologyTextVerifier:
    return verifiers[request.param]


def score(verifier: OntologyTextVerifier, text: str) -> float:
    return float(verifier.score([CLAIM], [text])[0])


def test_plain_sentences_about_the_genes_are_enough(verifier: OntologyTextVerifier) -> None:
    assert score(verifier, REFERENCE) == pytest.approx(1.0, abs=0.1)
    assert score(verifier, REFERENCE.replace("TP53", "p53")) == score(verifier, REFERENCE)
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
def test_stuffing_scores_low(verifier: OntologyTextVerifier, text: str) -> None:
    assert score(verifier, text) <= 0.3


def test_repetition_adds_nothing(verifier: OntologyTextVerifier) -> None:
    once = "TP53 takes part in double-strand break repair. "
    assert score(verifier, once * 30) == score(verifier, once)
    names = [name for name, _, _ in TERMS.values()]
    padded = "".join(f"TP53 takes part in {name} of nothing. SP1 takes part in {name}. " for name in names)
    assert score(verifier, REFERENCE + padded) <= score(verifier, REFERENCE)


def test_many_guesses_do_not_help(verifier: OntologyTextVerifier) -> None:
    wrong = "".join(f"TP53 takes part in thing {i}. SP1 takes part in thing {i}. " for i in range(4))
    assert score(verifier, wrong + REFERENCE) < 0.3


def test_abstains_without_text_or_annotation(verifier: OntologyTextVerifier) -> None:
    assert np.isnan(score(verifier, "  "))
    assert np.isnan(verifier.score([Claim("REST", "interacts_with", "SET")], [REFERENCE])[0])
    assert (
        verifier.explain(Claim("REST", "interacts_with", "SET"), REFERENCE).reason == "no GO annotation of these genes"
    )


def test_cites_the_terms_of_the_text(verifier: OntologyTextVerifier) -> None:
    verdict = verifier.explain(CLAIM, REFERENCE)
    cited = {(element.start.key, element.end.key) for element in verdict.evidence}
    assert cited == {("TP53", "GO:0000003"), ("TP53", "GO:0000006"), ("SP1", "GO:0000005")}


def test_likelihood_depends_on_what_the_text_says(verifiers: dict[str, OntologyTextVerifier]) -> None:
    verifier = verifiers["likelihood"]
    reference, empty = score(verifier, REFERENCE), score(verifier, "I do not know.")
    assert reference > 0 == empty
    assert score(verifier, "TP53: " + "; ".join(name for name, _, _ in TERMS.values())) < reference
    verdict = verifier.explain(CLAIM, REFERENCE)
    assert {element.end.key for element in verdict.evidence} <= {"GO:0000003", "GO:0000006", "GO:0000005"}
    assert "perplexity" in verdict.reason


def test_only_the_likelihood_takes_a_model(verifiers: dict[str, OntologyTextVerifier]) -> None:
    folder = verifiers["rouge"].snapshot_dir
    for options in ({"variant": "likelihood"}, {"variant": "rouge", "model": folder}):
        with pytest.raises(VerifierError, match="language model"):
            OntologyTextVerifier(folder, **options)


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
    complete = OntologyTextVerifier(tmp_path / "snapshot")
    assert process.score([claim], [text])[0] == complete.score([claim], [text])[0] > 0
    assert np.isnan(function.score([claim], [text])[0])
    with pytest.raises(VerifierError, match="GO has no ontologies"):
        OntologyTextVerifier(tmp_path / "snapshot", namespaces=["processes"])


@pytest.mark.parametrize("variant", ["rouge", "keyword"])
@pytest.mark.parametrize("name", ["cytosol", "nucleus", "protein binding", "regulation of the cell cycle"])
def test_a_plain_sentence_agrees_as_much_as_a_bare_keyword(
    verifiers: dict[str, OntologyTextVerifier], variant: str, name: str
) -> None:
    """Names of one word too: leaving the other words out does not raise the score."""
    verifier = verifiers[variant]
    assert verifier._agreement(name, name) == 1.0
    for sentence in (f"takes part in {name}", f"is involved in the {name}", f"participates in {name}"):
        assert verifier._agreement(sentence, name) == 1.0
    assert verifier._agreement("takes part in something else", name) == 0.0
