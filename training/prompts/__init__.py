"""What the policy reads and how its completions are parsed.

Open `messages.py` first: it makes the prompt of a question. `templates.py` has the questions' sentence templates,
`facts.py` and `graph_facts.py` the facts of open-book prompts, and `parser.py` reads completions.
"""
