"""An editor without a window: asks yaml-language-server what it would show in a sweep file."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

SERVER = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
"""The server, where there is one: `npm install yaml-language-server`."""
PATIENCE = 20
"""Seconds that an answer may take."""


class Editor:
    """One session with the server, over its standard streams."""

    def __init__(self, folder: Path) -> None:
        """Start the server on a folder."""
        assert SERVER is not None
        self.folder = folder
        self._process = subprocess.Popen(
            [SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()
        self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder.as_uri(),
                "capabilities": {
                    "textDocument": {"completion": {"completionItem": {"snippetSupport": True}}, "hover": {}},
                    "workspace": {"configuration": False},
                },
            },
        )
        self._send({"method": "initialized", "params": {}})

    def __enter__(self) -> Editor:
        """Return the session."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def open(self, text: str, name: str = "sweep.yaml") -> list[dict[str, Any]]:
        """Open a document; return what the server finds wrong with it."""
        self.address = (self.folder / name).as_uri()
        document = {"uri": self.address, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while True:
            message = self._answers.get(timeout=PATIENCE)
            self._reply(message)
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == self.address:
                return list(message["params"]["diagnostics"])

    def hover(self, line: int, column: int) -> str:
        """Return what is shown over a place, lines and columns from 0."""
        found = self.ask("textDocument/hover", self._at(line, column))
        return "" if found is None else str(found["contents"]["value"])

    def complete(self, line: int, column: int) -> dict[str, dict[str, Any]]:
        """Return what is offered at a place, by its label."""
        found = self.ask("textDocument/completion", self._at(line, column))
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"]: item for item in items}

    def _at(self, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": self.address}, "position": {"line": line, "character": column}}

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Return the answer to a request."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._answers.get(timeout=PATIENCE)
            self._reply(message)
            if message.get("id") == self._number and "method" not in message:
                return message.get("result")

    def _reply(self, message: dict[str, Any]) -> None:
        """Answer what the server asks of an editor: that there is nothing to say."""
        if "method" in message and "id" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            stream.readline()
            self._answers.put(json.loads(stream.read(length)))
