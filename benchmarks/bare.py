"""A page of Starlette that says the same few bytes to everybody, behind the pages' own uvicorn."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route


def main(port: int, size: int) -> None:
    """Serve a page of that size until ended."""
    content = b"x" * size

    async def page(_: Request) -> Response:
        return HTMLResponse(content)

    app = Starlette(routes=[Route("/", page)])
    uvicorn.run(app, port=port, http="h11", loop="asyncio", access_log=False, log_config=None)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
