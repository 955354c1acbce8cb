"""Ways in which an OBO file, or the marker of simulated labels, is wrong though each of its bytes is fine."""

from __future__ import annotations

import re
from random import Random

from tests.support.source_files.base_files import Base
from tests.support.source_files.mutations import SPOILT, Broken, mutation

_TERM = re.compile(rb"^id: (GO:\d{7})$", re.MULTILINE)


def _stanzas(content: bytes) -> list[bytes]:
    return content.rstrip(b"\n").split(b"\n\n")


def _live(stanzas: list[bytes]) -> list[int]:
    return [
        number
        for number, stanza in enumerate(stanzas)
        if stanza.startswith(b"[Term]") and b"is_obsolete: true" not in stanza
    ]


def _id(stanza: bytes) -> bytes:
    match = _TERM.search(stanza)
    assert match is not None
    return match[1]


def _text(stanzas: list[bytes]) -> bytes:
    return b"\n\n".join(stanzas) + b"\n"


def _line_of(stanzas: list[bytes], number: int) -> int:
    """The line on which a stanza begins."""
    return sum(stanza.count(b"\n") + 2 for stanza in stanzas[:number]) + 1


def _cycle(relation: bytes, length: int) -> None:
    @mutation(f"a cycle of {length} by {relation.decode().split()[-1].strip(':')}", "obo")
    def _(content: bytes, base: Base, rng: Random) -> Broken:
        stanzas = _stanzas(content)
        chosen = rng.sample(_live(stanzas), length)
        terms = [_id(stanzas[number]) for number in chosen]
        for number, parent in zip(chosen, [*terms[1:], terms[0]], strict=True):
            stanzas[number] += b"\n" + relation + parent
        return Broken(_text(stanzas), "refused")


for _length in (1, 2, 3, 30):
    _cycle(b"is_a: ", _length)
_cycle(b"relationship: part_of ", 2)


def _spoil(name: str, *changes: tuple[bytes, bytes], add: bytes = b"") -> None:
    """Register a change of single stanzas each of which must cost at least one rejection."""

    @mutation(name, "obo")
    def _(content: bytes, base: Base, rng: Random) -> Broken:
        stanzas = _stanzas(content)
        chosen = sorted(rng.sample(_live(stanzas), SPOILT))
        for number in chosen:
            for pattern, replacement in changes:
                stanzas[number] = re.sub(pattern, replacement, stanzas[number], flags=re.MULTILINE)
            stanzas[number] += add
        return Broken(_text(stanzas), "counted", lost=SPOILT)


_spoil("terms without id", (rb"^id: .*\n", b""))
_spoil("terms without name", (rb"^name: .*\n", b""))
_spoil("terms without namespace", (rb"^namespace: .*\n?", b""))
_spoil("terms of another ontology's id", (rb"^id: GO:", b"id: CL:"))
_spoil("terms of short ids", (rb"^id: GO:\d\d", b"id: GO:"))
_spoil("terms of an unknown namespace", (rb"^namespace: .*", b"namespace: external"))
_spoil("is_a to no term", add=b"\nis_a: GO:9999999 ! nowhere")
_spoil("is_a to nothing", add=b"\nis_a:")
_spoil("is_a to two terms", add=b"\nis_a: GO:0000001 GO:0000002")
_spoil("relationship to nothing", add=b"\nrelationship: part_of")
_spoil("relationship to no term", add=b"\nrelationship: part_of GO:9999999")
_spoil("lines without a tag", add=b"\n: a value")
_spoil("lines without a colon", add=b"\nis_a GO:0008150")
_spoil("conflict markers of git", add=b"\n<<<<<<< HEAD\n=======\n>>>>>>> main")


@mutation("terms given twice", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    stanzas = _stanzas(content)
    stanzas += [stanzas[number] for number in rng.sample(_live(stanzas), SPOILT)]
    return Broken(_text(stanzas), "counted", lost=SPOILT)


def _add(name: str, add: bytes, outcome: str = "either") -> None:
    """Register lines added to single stanzas that need not cost anything."""

    @mutation(name, "obo")
    def _(content: bytes, base: Base, rng: Random) -> Broken:
        stanzas = _stanzas(content)
        for number in rng.sample(_live(stanzas), SPOILT):
            stanzas[number] += add
        return Broken(_text(stanzas), "same" if outcome == "same" else "either")


_add("a synonym's quote never closed", b'\nsynonym: "never closed EXACT []', "same")
_add("a modifier never closed", b'\ncomment: x {source="y', "same")
_add("a backslash at the end", b"\ncomment: ends \\", "same")
_add("a thousand comments", b"\n! remark" * 1000, "same")
_add("an is_a with a modifier never closed", b'\nis_a: GO:0008150 {source="x')
_add("obsolete twice", b"\nis_obsolete: false\nis_obsolete: true")
_add("obsolete perhaps", b"\nis_obsolete: perhaps")
_add("a name twice", b"\nname: another")
_add("an id twice", b"\nid: GO:0000001")
_add("an alternative id of its own parent", b"\nalt_id: GO:0008150")
_add("an alternative id that is none", b"\nalt_id: everything")
_add("a term replaced though live", b"\nreplaced_by: GO:0008150")
_add("a bracket never closed", b"\n\n[Term\nid: GO:1234567\nname: x\nnamespace: biological_process")
_add("an unknown stanza", b"\n\n[Nonsense]\nid: GO:1234567\nname: x", "same")
_add("quotes and braces in a name", b'\n\n[Term]\nid: GO:1234567\nname: a "b {c} \\n !d\nnamespace: biological_process')


@mutation("every live term obsolete", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    stanzas = _stanzas(content)
    for number in _live(stanzas):
        stanzas[number] += b"\nis_obsolete: true"
    return Broken(_text(stanzas), "refused")


@mutation("replacements in a circle", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    term = b"[Term]\nid: %s\nname: x\nnamespace: biological_process\nis_obsolete: true\nreplaced_by: %s"
    circle = [term % (b"GO:9999991", b"GO:9999992"), term % (b"GO:9999992", b"GO:9999991")]
    return Broken(_text(_stanzas(content) + circle), "either")


@mutation("only other stanzas", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content.replace(b"[Term]", b"[Typedef]"), "refused")


@mutation("terms of another ontology only", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(content.replace(b"GO:", b"HP:"), "refused")


@mutation("a header line without a colon", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(b"no header\n" + content, "refused", line=1)


@mutation("an ontology in OWL", "obo")
def _(content: bytes, base: Base, rng: Random) -> Broken:
    return Broken(b'<?xml version="1.0"?>\n<rdf:RDF xmlns="http://purl.obolibrary.org/obo/go.owl#">\n', "refused", 1)


for _name, _data in {
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "no answer": b"{}",
    "an answer in words": b'{"simulated": "yes"}',
    "an answer in numbers": b'{"simulated": 1}',
    "a comma too many": b'{"simulated": true,}',
    "two documents": b'{"simulated": true} {"simulated": false}',
    "nested 100,000 deep": b"[" * 100_000,
    "a number of 10,000 digits": b'{"simulated": true, "n": ' + b"9" * 10_000 + b"}",
    "cut off": b'{"simulated": tr',
    "a byte of Latin-1": b'{"simulated": true, "model": "\xe9"}',
}.items():
    mutation(f"marker of {_name}", "json")(lambda content, base, rng, data=_data: Broken(data, "refused"))  # type: ignore[misc]
