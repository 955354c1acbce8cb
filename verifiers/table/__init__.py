"""The table verifier: the predictions of any model, looked up and calibrated.

`rows` reads a file of predictions, `fit` calibrates it into a folder, `verifier` answers from it.
"""
