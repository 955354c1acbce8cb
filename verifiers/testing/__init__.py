"""The contract of a verifier as checks that anyone can run on their own (`rbio-kg verifiers check`).

Open `checks` first. A test of another package needs `CheckContext` and `run_checks`.
"""

from rbio_kg.verifiers.testing.cases import CheckContext, ContractError, Outcome, make_context
from rbio_kg.verifiers.testing.checks import CHECKS, run_checks

__all__ = ["CHECKS", "CheckContext", "ContractError", "Outcome", "make_context", "run_checks"]
