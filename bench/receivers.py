"""Merchants' servers for the webhooks bench: thousands of endpoints behind one port, some of them
dead or slow. A process of its own: ``python -m bench.receivers``.

The path says who is meant and how it behaves: ``/well/17``, ``/silent/3``. Lines of JSON on the
standard input ask for what came.
"""

import asyncio
import json
import re
import sys
import time

SLOW_SECONDS = 10.0
_REQUEST = re.compile(rb"POST /(\w+)/(\d+) HTTP/1.1\r\n")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CREATED = re.compile(rb'"created_at":"([^"]+)"')

came: list[tuple[str, int, float, str]] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, as many requests as come."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            request, created = _REQUEST.match(head), _CREATED.search(body)
            if request is None or created is None:
                break
            kind = request[1].decode()
            came.append((kind, int(request[2]), time.time(), created[1].decode()))
            if kind == "silent":
                await asyncio.sleep(3600)
            if kind == "slow":
                await asyncio.sleep(SLOW_SECONDS)
            status = b"500 No" if kind == "failing" else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        # Asked: what came since it was asked last.
        lines, came[:] = list(came), []
        print(json.dumps(lines), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
