"""Names shuffled: every gene of a prompt has another's name, everything else stays."""

from __future__ import annotations

from rbio_kg.core.claims import Claim
from rbio_kg.training.data.name_shuffling import ShuffledNames
from rbio_kg.training.data.question_set import QuestionSet
from rbio_kg.training.prompts.facts import FactBook
from tests.support.toy_knockdowns import ToyFacts, toy_questions

SYMBOLS = [f"SYM{i}" for i in range(50)]


def shown(seed: int = 0) -> QuestionSet:
    questions = toy_questions().select(split="train").limit(30)
    book = FactBook.fit(ToyFacts(), None, questions.claims(), 4, kinds=("rate", "neighbours", "names"))
    return QuestionSet(questions.frame, book, ShuffledNames(SYMBOLS, seed))


def texts(questions: QuestionSet) -> list[str]:
    return [messages[-1]["content"] for messages in questions.prompts()]


def test_no_own_name_is_left_and_nothing_else_changes() -> None:
    hidden = shown()
    plain = texts(QuestionSet(hidden.frame, hidden.facts))
    assert hidden.facts is not None
    for before, after, claim in zip(plain, texts(hidden), hidden.claims(), strict=True):
        own = [claim.subject, claim.object, *hidden.facts.facts(claim).names()]
        assert not set(own) & set(after.replace("?", " ").split())
        assert len(before.split()) == len(after.split())
        kept = [word for word in before.split() if word.strip("?") not in own]
        assert [word for word in after.split() if word.strip("?") not in SYMBOLS] == kept


def test_one_gene_has_one_name_within_a_question() -> None:
    names = ShuffledNames(SYMBOLS, 0)
    claim = Claim("AAA", "interacts_with", "BBB")
    text = names.in_text("AAA interacts with BBB. BBB regulates AAA, not AAAA.", claim, None)
    words = text.replace(".", "").replace(",", "").split()
    assert words[0] == words[6]
    assert words[3] == words[4]
    assert words[-1] == "AAAA"


def test_names_are_drawn_anew_for_each_question_and_seed() -> None:
    assert texts(shown()) == texts(shown())
    assert texts(shown()) != texts(shown(1))
    names = ShuffledNames(SYMBOLS, 0)
    drawn = {names.in_text("AAA", Claim("AAA", "interacts_with", f"B{i}"), None) for i in range(20)}
    assert len(drawn) > 5


def test_claims_keep_their_genes() -> None:
    assert shown().claims() == toy_questions().select(split="train").limit(30).claims()
