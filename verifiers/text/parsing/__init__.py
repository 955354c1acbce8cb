"""Parses one sentence of tagged words into statements.

Open `clauses` first: `parse_sentence` reads each trigger with one function of `verb_clauses` or `noun_clauses`. These
find subjects and objects (`roles`), denials and hedges (`polarity`), and add statements (`assertions`) to a
`ParseState`. `tagging` prepares the sentence.
"""
