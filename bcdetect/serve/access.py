"""Access."""


class Access:
    """Access."""

    def __init__(self, app, **options):
        self.app = app

    async def __call__(self, scope, receive, send):
        """Pass."""
        await self.app(scope, receive, send)
