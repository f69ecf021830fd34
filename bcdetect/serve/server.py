"""Server."""

import uvicorn


def serve(app, host, port, on_ready=None):
    """Serve."""
    if on_ready:
        on_ready(port)
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
