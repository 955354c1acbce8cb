"""Time limits for the embedded server, which ignores those of the driver.

A statement carries its limit as its last line. The process that manages the server looks for statements past their
limit and ends them. So they also end if their client has died.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SECONDS_BETWEEN_LOOKS = 0.4

_MARK = re.compile(r"\n// rbio-kg: at most (?P<seconds>\S+) s\Z")


def limited(cypher: str, seconds: float) -> str:
    """The statement with its limit; the same limit gives the same text, so that its plan stays cached."""
    return f"{cypher}\n// rbio-kg: at most {seconds:g} s"


def without_limit(message: str) -> str:
    """A server's message about a statement, without the line that `limited` added; the end of the statement by name."""
    message = re.sub(r"\s*// rbio-kg: at most \S+ s", "", message)
    return re.sub(r"at line \d+:\d+ - (\w+ input '<EOF>')", r"at the end of the statement - \1", message)


def late(rows: list[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """Ids of the transactions (rows of SHOW TRANSACTIONS) that are past the limit of their statement."""
    for row in rows:
        mark = _MARK.search(row["currentQuery"])
        if mark and now - datetime.fromisoformat(row["startTime"]) > timedelta(seconds=float(mark["seconds"])):
            yield row["transactionId"]


def keep_limits(address: Path, database: str) -> None:
    """End late statements for as long as the process lives; `address` is the running server's address file."""
    server = json.loads(address.read_text())
    login = base64.b64encode(f"root:{server['root']}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", server["http"], timeout=30)

    def run(statement: str) -> list[Mapping[str, Any]]:
        body = json.dumps({"language": "opencypher", "command": statement})
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        connection.request("POST", f"/api/v1/command/{database}", body, headers)
        rows: list[Mapping[str, Any]] = json.loads(connection.getresponse().read()).get("result", [])
        return rows

    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            for key in late(run("SHOW TRANSACTIONS"), datetime.now(UTC)):
                run(f"TERMINATE TRANSACTION '{key}'")
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()  # the database is being replaced, or the server ends; the next look connects again
