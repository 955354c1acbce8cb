"""What can be done with a workspace: build, fit, score, explain, check, train, evaluate, report.

Each module has functions that take a `WorkspaceBase` and return a result; they print nothing. The commands,
`rbio_kg.workspace.Workspace` and the benchmarks call them. Open `base` first, then the service you need.
"""
