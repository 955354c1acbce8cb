"""Runs: the folder of a training or an evaluation, and what its stages share.

Start with `run_folder` (manifest, log, evaluations) and `rollout_file`: they are the only readers and writers of a
run's files. `context` holds what every stage of a training gets, `trackers` the experiment trackers.
"""
