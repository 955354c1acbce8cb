"""The interface of all verifiers (`verifier`), and claims as index pairs of a snapshot (`claim_index`)."""
