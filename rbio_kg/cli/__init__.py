"""The command line: each module parses the arguments of some commands, calls a service and prints its result.

Open `app` first; `session` has what every command shares: options, progress, JSON output and exit codes.
"""
