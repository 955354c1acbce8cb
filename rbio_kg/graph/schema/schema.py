"""The graph's schema, the only definition of labels, types and properties; tables, stores and docs follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["str", "int", "float", "bool", "list"]
"""Property types; `list` is a list of strings."""


@dataclass(frozen=True)
class Property:
    """A property of a node or relationship, and its meaning (with unit or range)."""

    name: str
    kind: Kind
    doc: str


@dataclass(frozen=True)
class NodeType:
    """A node label; `key` is the property that is unique and never missing."""

    label: str
    table: str
    key: str
    properties: tuple[Property, ...]
    doc: str


@dataclass(frozen=True)
class RelationshipType:
    """A relationship type between two labels; its table has the end keys in columns `start` and `end`.

    `unique_by` names the properties that, together with the ends, make a relationship of this type unique. `phrase` is
    the text between the names of its ends, as in "TP53 interacts with MDM2".
    """

    type: str
    table: str
    start: str
    end: str
    properties: tuple[Property, ...]
    doc: str
    unique_by: tuple[str, ...] = ()
    phrase: str = ""


def _text(name: str, doc: str) -> Property:
    return Property(name, "str", doc)


def _integer(name: str, doc: str) -> Property:
    return Property(name, "int", doc)


_SOURCE = _text("source", "name of the Source that states it")
_CHANNELS = {
    "neighborhood": "conserved neighbourhood",
    "fusion": "gene fusion",
    "cooccurence": "phylogenetic co-occurrence (STRING's spelling)",
    "coexpression": "co-expression",
    "experiments": "experiment",
    "database": "curated database",
    "textmining": "text mining",
}
STRING_CHANNELS = tuple(_CHANNELS)
"""STRING's evidence channels, as its files and the properties of INTERACTS_WITH name them."""
NAMESPACES = ("biological_process", "molecular_function", "cellular_component")
"""GO's three namespaces."""
SYMBOL_KINDS = ("approved", "previous", "alias")
"""The kinds of gene label that are symbols; `names.kind` has one of them or a kind of identifier."""

NODES: tuple[NodeType, ...] = (
    NodeType(
        "Gene",
        "genes",
        "symbol",
        (
            _text("symbol", "approved HGNC symbol"),
            _text("hgnc_id", "HGNC id, for example HGNC:11998"),
            _text("entrez", "NCBI gene id"),
            _text("ensembl", "Ensembl gene id"),
            Property("uniprot", "list", "UniProt accessions"),
            _text("name", "approved name"),
            Property("aliases", "list", "previous and alias symbols"),
        ),
        "A human gene.",
    ),
    NodeType(
        "GoTerm",
        "terms",
        "id",
        (
            _text("id", "GO id, for example GO:0006915"),
            _text("name", "the term's name"),
            _text("namespace", f"{', '.join(NAMESPACES[:-1])} or {NAMESPACES[-1]}"),
            Property(
                "information_content",
                "float",
                "-log2 of the share of annotated genes of the namespace that have the term or a descendant "
                "(Resnik 1995), in bits; null for a term without annotations",
            ),
            Property("synonyms", "list", "other names of the term"),
        ),
        "A live term of the Gene Ontology.",
    ),
    NodeType(
        "Pathway",
        "pathways",
        "id",
        (_text("id", "stable id"), _text("name", "the pathway's name"), _SOURCE),
        "A Reactome or WikiPathways pathway.",
    ),
    NodeType(
        "GeneSet",
        "gene_sets",
        "id",
        (
            _text("id", "stable id, for example hgnc.genegroup:594"),
            _text("name", "the set's name"),
            _text("kind", "what its genes have in common, for example HGNC gene group"),
            _SOURCE,
        ),
        "A group of genes other than a pathway: a family, a complex, a module.",
    ),
    NodeType("CellLine", "cell_lines", "name", (_text("name", "lower-case name"),), "A cell line."),
    NodeType(
        "Source",
        "sources",
        "name",
        (
            _text("name", "the source's name in the register"),
            _text("version", "the provider's version"),
            _text("date", "date of the release, ISO 8601"),
            _text("sha256", "digest of the parsed files"),
            _integer("rows", "rows kept"),
            _integer("rejected", "rows rejected"),
            _text("licence", "licence of the data"),
            Property("commercial", "bool", "true if the licence allows commercial use"),
            _text("url", "the provider's address"),
            Property("simulated", "bool", "true if the rows come from a model, not from a measurement"),
        ),
        "Where relationships come from.",
    ),
)

RELATIONSHIPS: tuple[RelationshipType, ...] = (
    RelationshipType(
        "INTERACTS_WITH",
        "interactions",
        "Gene",
        "Gene",
        (
            _integer("score", "STRING's combined score, 0 to 1000"),
            *(_integer(name, f"STRING's {doc} score, 0 to 1000") for name, doc in _CHANNELS.items()),
            _SOURCE,
        ),
        "Functional association, stored once with the lower symbol first.",
        phrase="interacts with",
    ),
    RelationshipType(
        "ANNOTATED_WITH",
        "annotations",
        "Gene",
        "GoTerm",
        (
            Property("evidence", "list", "GO evidence codes, sorted"),
            _text("qualifier", "GAF relation, for example involved_in"),
            Property("references", "list", "references, sorted, at most 20"),
            Property("assigned_by", "list", "who made the annotation, sorted"),
            _SOURCE,
        ),
        "A direct GO annotation; a NOT annotation never becomes one.",
        ("qualifier",),
        phrase="is annotated with",
    ),
    RelationshipType("IS_A", "is_a", "GoTerm", "GoTerm", (_SOURCE,), "Child to parent.", phrase="is a"),
    RelationshipType(
        "PART_OF",
        "part_of",
        "GoTerm",
        "GoTerm",
        (_SOURCE,),
        "Part to the term that it is a part of.",
        phrase="is part of",
    ),
    RelationshipType(
        "REGULATES_TERM",
        "regulates_term",
        "GoTerm",
        "GoTerm",
        (_integer("sign", "1 positively, -1 negatively, 0 unspecified"), _SOURCE),
        "One process regulates another; never followed for ancestors.",
        ("sign",),
        phrase="regulates (term)",
    ),
    RelationshipType(
        "MEMBER_OF",
        "memberships",
        "Gene",
        "Pathway",
        (
            Property("direct", "bool", "true if the provider lists the gene for this pathway itself"),
            _SOURCE,
        ),
        "The gene's product takes part in the pathway, or in a pathway that is part of it.",
        phrase="is a member of",
    ),
    RelationshipType(
        "CHILD_OF",
        "pathway_parents",
        "Pathway",
        "Pathway",
        (_SOURCE,),
        "Sub-pathway to pathway.",
        phrase="is a sub-pathway of",
    ),
    RelationshipType(
        "REGULATES",
        "regulations",
        "Gene",
        "Gene",
        (
            _integer("sign", "1 activates, -1 represses, 0 unknown"),
            Property("references", "list", "PubMed ids, sorted, at most 20"),
            _SOURCE,
        ),
        "A transcription factor regulates its target.",
        phrase="regulates",
    ),
    RelationshipType(
        "KNOCKDOWN_CHANGES",
        "knockdowns",
        "Gene",
        "Gene",
        (
            _text("cell_line", "lower-case name of the cell line"),
            _text("direction", "increase, decrease or unknown"),
            _SOURCE,
        ),
        "A knockdown of the first changed the expression of the second; training split only.",
        ("cell_line",),
        phrase="knockdown changes",
    ),
    RelationshipType(
        "IN_SET", "set_members", "Gene", "GeneSet", (_SOURCE,), "The gene belongs to the set.", phrase="is in the set"
    ),
    RelationshipType(
        "EXPRESSED_IN",
        "expression",
        "Gene",
        "CellLine",
        (Property("nx", "float", "normalised RNA expression (NX or nTPM), at least 1"), _SOURCE),
        "The gene's RNA is detected in the cell line.",
        phrase="is expressed in",
    ),
    RelationshipType(
        "REPORTED_INTERACTION",
        "reported_interactions",
        "Gene",
        "Gene",
        (
            Property("methods", "list", "experimental methods, sorted, at most 20, if the file has them"),
            Property("references", "list", "references, sorted, at most 20, if the file has them"),
            _SOURCE,
        ),
        "A collection of published experiments lists the pair as interacting; lower symbol first.",
        ("source",),
        phrase="is reported to interact with",
    ),
)

EVIDENCE_NODES: tuple[NodeType, ...] = (
    NodeType(
        "Run",
        "runs",
        "id",
        (
            _text("id", "the run's name and start, unique"),
            _text("name", "the run's name"),
            _text("kind", "training or evaluation"),
            _text("build_id", "the graph it used"),
            _text("started", "ISO 8601, UTC"),
            Property("simulated", "bool", "true if the labels come from a model"),
        ),
        "One training or evaluation run.",
    ),
    NodeType(
        "Claim",
        "claims",
        "id",
        (
            _text("id", "hash of the content"),
            _text("subject", "subject's name"),
            _text("relation", "relation"),
            _text("object", "object's name or id"),
            _text("cell_line", "cell line or empty"),
        ),
        "A statement that was scored.",
    ),
    NodeType(
        "Verdict",
        "verdicts",
        "id",
        (
            _text("id", "hash of run, claim, verifier and content"),
            _text("verifier", "the verifier's name"),
            Property("score", "float", "probability that the claim holds, 0 to 1; null unless status is ok"),
            _text("status", "ok, abstain or error"),
            _text("reason", "one line"),
        ),
        "One verifier's answer to one claim.",
    ),
)
"""Written by `evidence load`, never by a build:
(Run)-[:PRODUCED {completions, first_step, last_step, reward}]->(Verdict)-[:JUDGES]->(Claim)-[:SUBJECT|OBJECT]->(),
(Run)-[:STATED {finding, polarity, certainty, completions}]->(Claim),
(Verdict)-[:CITES {rank, path, weight, type, side}]->(any)."""

EVIDENCE_RELATIONSHIPS = ("PRODUCED", "STATED", "JUDGES", "SUBJECT", "OBJECT", "CITES")

NODES_BY_LABEL = {node.label: node for node in (*NODES, *EVIDENCE_NODES)}
RELATIONSHIPS_BY_TYPE = {relationship.type: relationship for relationship in RELATIONSHIPS}
