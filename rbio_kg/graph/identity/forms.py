"""Spellings that programs and experiments make of a gene's name: recognised and suggested, never applied by default."""

from __future__ import annotations

import re
from collections.abc import Iterator

MISSING = frozenset(("", "nan", "na", "n/a", "none", "null", "#n/a", "<na>", "-"))
"""What programs write for a missing value, in lower case."""

_CONTROL = re.compile(
    r"""(?ix) (?:sg|sh|si|g)?[-_ .]*
    (?: non[-_ .]?target(?:ing|ed)? | not?[-_ .]?target | nt | ntc | nc | neg(?:ative)? | scr | scrambled?
      | ctrl | control | (?:ctrl|control)[-_ .]?neg(?:ative)?
      | (?:neg(?:ative)?|nt|non[-_ .]?targeting)[-_ .]?(?:ctrl|control)
      | safe[-_ .]?(?:harbou?r|target(?:ing)?) | intergenic | unperturbed | untreated | untransduced | unassigned
      | wild[-_ .]?type | wt | mock | vehicle | dmso | pbs | no[-_ .]?(?:perturbation|guide|grna|sgrna)
      | empty(?:[-_ .]?vector)? | e?gfp | luc(?:iferase)? | lacz | aavs1 | rosa26 | multiplet | doublet )
    (?:[-_ .]*(?:sg|g)?(?:rna|uide)?s?[-_ .#]*\d*)? (?:[-_ .|]+(?:sg|g)?(?:rna|uide)?\d*)*
    """
)
"""Labels of cells or guides without a perturbed gene."""

_MONTHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "jan": (("JAN",),),
    "feb": (("FEB",),),
    "mar": (("MARCHF", "MTARC"), ("MARCH", "MARC")),
    "apr": (("APR",),),
    "may": (("MAY",),),
    "jun": (("JUN",),),
    "jul": (("JUL",),),
    "aug": (("AUG",),),
    "sep": (("SEPTIN",), ("SEPT", "SEP")),
    "oct": (("OCT",),),
    "nov": (("NOV",),),
    "dec": (("DELEC",), ("DEC",)),
}
"""Month, and the beginnings of symbols that a spreadsheet reads as that month: those that HGNC has given to these genes
since (Bruford et al. 2020, Nature Genetics 52:754), then the former ones."""
_NAMES = list(_MONTHS)
_MONTH = "|".join(_NAMES)
_DATES = (
    re.compile(rf"(?i)(?P<day>\d{{1,2}})[-/. ](?P<month>{_MONTH})[a-z]*\.?(?:[-/. ,]+\d{{2,4}})?"),
    re.compile(rf"(?i)(?P<month>{_MONTH})[a-z]*\.?[-/. ](?P<day>\d{{1,2}})(?:[-/. ,]+\d{{2,4}})?"),
    re.compile(r"(?P<year>\d{4})[-/.](?P<number>\d{1,2})[-/.](?P<day>\d{1,2})(?:[T ].*)?"),
    re.compile(r"(?P<number>\d{1,2})/(?P<day>\d{1,2})/\d{2,4}(?: .*)?"),
)
_JOINTS = re.compile(r"\s*(?:\+|\|\||\||///|/|;|,|&)\s*|\s+(?:and|x)\s+")
_GUIDE = (
    re.compile(
        r"(?i)(?P<gene>.+?)[-_. |:]+(?:sg|g|cr|sh|si|guide|grna|sgrna|shrna|sirna|crrna)(?:rna)?[-_.#]?[a-z]?\d*"
    ),
    re.compile(r"(?i)(?P<gene>.+?)[-_. ]+(?:ko|kd|oe|crispri|crispra|crispr|i|knock(?:out|down)|del|activ\w*)"),
    re.compile(r"(?i)(?:sg|sh|si|g|cr|guide|sgrna|shrna|sirna|grna|ko|kd)[-_. :]*(?P<gene>.+?)(?:[-_.#]\d{1,2})?"),
    re.compile(r"(?i)(?:\d+[-_])?(?P<gene>.+?)[-_](?:[+-][-_]\d+\.\d+[-_])?P1(?:P2)?(?:[-_]ENSG\d+)?(?:[-_|].*)?"),
    re.compile(r"(?i)(?P<gene>.+?)[-_][ACGT]{17,24}"),
)
"""Names of guides and of treatments; the named gene is looked up."""
_GENOME = re.compile(r"(?i)(?:hg|grch|h)(?:19|38|37)[-_:]+|homo[-_ ]sapiens[-_:]+")
_UNIQUE = re.compile(r"(?P<gene>.+?)(?:[-_.]\d{1,3}|\.\.\.\d+)")


def is_missing(label: str) -> bool:
    """Whether a label stands for a missing value, as pandas and R write it."""
    return label.lower() in MISSING


def is_control(label: str) -> bool:
    """Whether a label names a control: non-targeting guides, untreated cells.

    Example:
        >>> [is_control(label) for label in ("non-targeting", "NegCtrl10", "ctrl", "TP53")]
        [True, True, True, False]
    """
    return _CONTROL.fullmatch(label) is not None


def dates(label: str) -> list[list[str]]:
    """Symbols that a spreadsheet may have made this date of, today's before former ones; empty where it is none.

    Example:
        >>> dates("2-Sep")
        [['SEPTIN2'], ['SEPT2', 'SEP2']]
    """
    for form in _DATES:
        match = form.fullmatch(label)
        if match is None:
            continue
        found = match.groupdict()
        number = int(found["number"]) if "number" in found else _NAMES.index(found["month"].lower()) + 1
        if 1 <= number <= len(_NAMES) and 1 <= int(found["day"]) <= 31:
            return [[f"{start}{int(found['day'])}" for start in starts] for starts in _MONTHS[_NAMES[number - 1]]]
    return []


def dated_genes(label: str) -> list[str]:
    """Symbols of the genes that HGNC renamed because spreadsheets read their names as this date.

    Example:
        >>> dated_genes("1-Mar"), dated_genes("3-Jan")
        (['MARCHF1', 'MTARC1'], [])
    """
    found = dates(label)
    return found[0] if len(found) > 1 else []


def parts(label: str) -> list[str]:
    """The names that a combined perturbation joins; empty where it joins none.

    Example:
        >>> parts("TP53+ctrl"), parts("TP53")
        (['TP53', 'ctrl'], [])
    """
    found = [part for part in _JOINTS.split(label) if part]
    return found if len(found) > 1 else []


def guides(label: str) -> Iterator[str]:
    """The gene names that a guide or treatment may be named after."""
    for form in _GUIDE:
        match = form.fullmatch(label)
        if match is not None:
            yield match["gene"]


def mangled(label: str) -> Iterator[str]:
    """The names that R, pandas or a genome aligner may have changed into this one.

    Example:
        >>> list(mangled("HLA.A"))
        ['HLA-A']
    """
    bare = label.strip("'\"` ")
    bare = _GENOME.sub("", bare, count=1)
    bare = re.sub(r"(?i)[-_ ]*\(?(?:human|homo sapiens|hsa)\)?$", "", bare)
    if bare != label:
        yield bare
    forms = [bare]
    if re.match(r"X\d", bare):
        forms.append(bare[1:])
        yield bare[1:]
    for form in forms:
        if "." in form:
            yield form.replace(".", "-")
            yield form.replace(".", "/")
    if match := _UNIQUE.fullmatch(bare):
        yield match["gene"]
        if "." in match["gene"]:
            yield match["gene"].replace(".", "-")
    if "_" in bare or "|" in bare:
        yield re.split(r"[_|]", bare)[0] if re.search(r"(?i)[_|]ENSG\d+", bare) else bare.replace("_", "-")
