"""The retired words of version 1 stay out of the code and the documentation: each has a standard term."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.locations import ROOT
from tests.test_layout import source_files

TERMS = {
    "arrow arrows": "dependency",
    "asked": "queried, evaluated, requested",
    "at hand": "available",
    "beside beyond": "compared with, next to, more than",
    "course": "training plan, data split",
    "door doors house road room station": "interface, architecture, pipeline, space, stage",
    "earn earned earns paid pay pays worth": "reward, weight",
    "exam examination examinations examine examined examines exams": "evaluation, evaluate",
    "habit habits": "base rate",
    "heard jury spoke": "voter, scored",
    "honest honesty": "calibrated reference answer, leak-free",
    "judge judged judgement judgements judges": "verifier, score, scored completion",
    "kin likeness": "similar, similarity, kernel",
    "lesson lessons taught teach teaches": "training example, train on",
    "marks": "tags",
    "mend mended mends": "fix",
    "nobody": "no one, none",
    "places": "term references, positions",
    "shapes": "sentence templates",
    "silence": "abstain reward",
    "so many": "a number",
    "strangers": "unknown genes",
    "strata stratum": "subgroups",
    "tells told": "shown in the prompt, reported",
    "watch watched watches": "training monitor, observe",
    "whole genes": "all rows of a gene",
    "wording wordings": "prompt template",
}
"""Retired words to what is written instead."""

ORDINARY = {
    "asked": r"\bask asked asks test\b",  # verbs of asking, which the statement reader knows
    "arrow": r"\bpyarrow|apache arrow",
    "course": r"\bof course\b",
    "honest": r'"honest"|`honest`|\bhonest:',  # a JSON key of `rewards check`
    "beyond": r"Beyond Binary",  # the title of a paper
    "judge": r'"judge\\t',  # text that is hashed: another word would draw other verifiers
    "judges": r"\bJUDGES\b",  # a relationship of the graph
    "marks": r"(?i)full marks",  # what an exploit asks for
    "nobody": r"nobody denies",  # what an exploit says
    "pay": r"\bpam par pay pdf\b",  # symbols of genes that are ordinary words
    "pays": r'"pays"|`pays`',  # a JSON key of `rewards check`
    "places": r"decimal places|takes places",
    "shapes": r"array shapes|tensor shapes",
    "silence": r"\bsuppress silence reduce\b",  # verbs of repression, which the statement reader knows
}
"""Words that have their ordinary meaning, or are names that scripts rely on, where this pattern matches the line."""

RETIRED = re.compile(
    r"\b(" + "|".join(re.escape(w) for w in re.split(r" (?!hand|many|genes)", " ".join(TERMS))) + r")\b", re.I
)


def documents() -> list[Path]:
    """README, docs, recipes, templates and queries: what a user reads."""
    data = [
        path
        for top in ("rbio_kg", "graph_builders", "verifiers", "training")
        for ending in ("toml", "j2", "cypher", "md")
        for path in (ROOT / top).rglob(f"*.{ending}")
        if not any(parent.is_symlink() for parent in path.parents)
    ]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(data)]


def retired_words(text: str) -> list[tuple[int, str]]:
    """Line numbers and retired words of a text, without those that have their ordinary meaning."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for match in RETIRED.finditer(line):
            word = match[1].lower()
            if not (word in ORDINARY and re.search(ORDINARY[word], line)):
                found.append((number, word))
    return found


def test_retired_words_are_not_used() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in [*source_files(), *documents()]
        for number, word in retired_words(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"{len(found)} retired words (see TERMS for what to write):\n" + "\n".join(found)


def test_the_list_finds_words_and_leaves_parts_of_words() -> None:
    assert retired_words("A gene's habit.\nof course\nPlain text") == [(1, "habit")]
    assert retired_words("whole genes and so many rows") == [(1, "whole genes"), (1, "so many")]
    assert retired_words("habitat, replaces, payload, task_asked") == []
