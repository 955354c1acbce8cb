"""Splits text into sentences: the one splitter of the project."""

from __future__ import annotations

import re

_SENTENCE = re.compile(
    r"""
    [^.!?;\n]+                      # words
    (?: [.] (?=\S) [^.!?;\n]* )*    # a dot within a word or number does not end a sentence
    [.!?;]* \s*                     # end characters and the white space behind
    | [.!?;\n]+ \s*                 # end characters without a sentence
    """,
    re.VERBOSE,
)
_END = ".!?;"


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its end and the white space behind. Joined they are the text.

    A sentence ends with a line, and with one of `.!?;` unless the dot is within a word. Time is linear in the text.

    Example:
        >>> split_sentences("IL6 rises by 0.5; why?\\nUnclear.")
        ['IL6 rises by 0.5; ', 'why?\\n', 'Unclear.']
    """
    return _SENTENCE.findall(text)


def is_interrogative(sentence: str) -> bool:
    """Whether a sentence ends with a question mark, alone or among other end characters.

    Example:
        >>> is_interrogative("Does TP53 bind MDM2?! "), is_interrogative("TP53 binds MDM2.")
        (True, False)
    """
    bare = sentence.rstrip()
    return "?" in bare[len(bare.rstrip(_END)) :]


def without_end(sentence: str) -> str:
    """The words of a sentence.

    Example:
        >>> without_end(" TP53 binds MDM2. ")
        'TP53 binds MDM2'
    """
    return sentence.strip().rstrip(_END).rstrip()
