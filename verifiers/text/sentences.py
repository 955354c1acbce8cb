"""Splits text into sentences: the one splitter of the project."""

from __future__ import annotations

import re

_SENTENCE = re.compile(
    r"""
    [^.!?;\n]+                      # words
    (?: [.] (?=\S) [^.!?;\n]* )*    # a dot within a word or number does not end a sentence
    [.!?;]* \s*                     # end marks and the white space behind
    | [.!?;\n]+ \s*                 # marks without a sentence
    """,
    re.VERBOSE,
)
_END_MARKS = ".!?;"


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its end marks and the white space behind; joined they give the text.

    A sentence ends with a line, and with one of `.!?;` unless the dot is within a word. Time is linear in the text.

    Example:
        >>> split_sentences("IL6 rises by 0.5; why?\\nUnclear.")
        ['IL6 rises by 0.5; ', 'why?\\n', 'Unclear.']
    """
    return _SENTENCE.findall(text)


def is_interrogative(sentence: str) -> bool:
    """Whether a sentence ends with a question mark, alone or among other end marks.

    Example:
        >>> is_interrogative("Does TP53 bind MDM2?! "), is_interrogative("TP53 binds MDM2.")
        (True, False)
    """
    bare = sentence.rstrip()
    return "?" in bare[len(bare.rstrip(_END_MARKS)) :]


def without_end_marks(sentence: str) -> str:
    """The words of a sentence.

    Example:
        >>> without_end_marks(" TP53 binds MDM2. ")
        'TP53 binds MDM2'
    """
    return sentence.strip().rstrip(_END_MARKS).rstrip()
