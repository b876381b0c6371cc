"""`Refusal`: an error answer with words of its own, raised wherever in the service somebody is told no."""

from tornado.web import HTTPError


class Refusal(HTTPError):
    """An error answer with a code and a message of its own."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, reason=None)
        self.code, self.message = code, message
