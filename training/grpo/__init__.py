"""GRPO: the trainer with the composed reward, its checks, rollouts, monitor, alarms and checkpoints.

Start with `trainer` (`run_grpo`). `checks` says what is refused before the first step, `monitor` what happens at each
step, and `rollouts` what is recorded of each completion.
"""
