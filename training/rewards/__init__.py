"""The composed reward: scores of claim and text verifiers become one number per completion, in the shape TRL calls.

Open `composed.py` first: `ComposedReward` scores completions. `config.py` has its settings, `trl.py` the callables that
a trainer takes, `result.py` what a scored completion holds, and `answer_rate.py` the group term.
"""
