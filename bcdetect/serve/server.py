"""Server."""

import socket

import uvicorn


def serve(app, host, port, on_ready=None):
    """Serve."""
    if not port:
        with socket.socket() as one:
            one.bind((host, 0))
            port = one.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", server_header=False))
    startup = server.startup

    async def started(sockets=None):
        await startup(sockets)
        if on_ready:
            on_ready(port)

    server.startup = started
    server.run()
