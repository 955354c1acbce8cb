"""Question sets: where the questions of a policy come from, and how they become prompts and data sets.

Open `question_set.py` first: `QuestionSet` selects and draws rows. `mixture.py` mixes families for a recipe,
`graph_questions.py` makes questions from the graph, `question_table.py` and
`perturbqa_csv.py` read and write files.
"""
