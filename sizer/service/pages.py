"""The page's own files, which hold no data: everything that it shows it asks the API for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from sizer.service.refusals import RefusedError

_FOLDER = files("sizer.service") / "page"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}


_DATA = ("/metrics", "/openapi.json", "/healthz", "/readyz")
_PAGES = ("/", "/compare", "/model", "/look", "/sweeps")


def router() -> APIRouter:
    """Return the addresses of the page."""
    found = APIRouter(include_in_schema=False)

    @found.get("/")
    @found.get("/compare")
    @found.get("/model")
    @found.get("/look")
    @found.get("/sweeps")
    @found.get("/sweeps/{sweep_id}")
    async def page(request: Request) -> Response:
        return _answer(request, "page.html")

    @found.get("/page/{name}")
    async def asset(request: Request, name: str) -> Response:
        if name not in _names():
            raise RefusedError(404, "there is nothing at this address")
        return _answer(request, name)

    return found


def is_page(path: str) -> bool:
    """Return whether a path is of the page's own files."""
    return path in _PAGES or path.startswith(("/page/", "/sweeps/"))


def is_for_people(headers: Iterable[tuple[bytes, bytes]], method: str, path: str) -> bool:
    """Return whether a browser asks for a page, and not a program for data.

    Args:
        headers: of the request.
        method: of the request.
        path: of the address.
    """
    if method not in {"GET", "HEAD"} or path.startswith("/v1/") or path in _DATA:
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in headers)


def nothing_here() -> Response:
    """Return the page for an address that does not exist; it says so itself."""
    content, _ = _file("page.html")
    return Response(content, 404, {"content-type": _TYPES["html"], "cache-control": "no-cache"})


@cache
def _names() -> frozenset[str]:
    return frozenset(file.name for file in _FOLDER.iterdir() if file.name.rpartition(".")[2] in _TYPES)


@cache
def _file(name: str) -> tuple[bytes, str]:
    content = (_FOLDER / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:20]}"'


def _answer(request: Request, name: str) -> Response:
    content, tag = _file(name)
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers={**headers, "content-type": _TYPES[name.rpartition(".")[2]]})
