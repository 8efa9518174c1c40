"""The app on a port of this machine, until Ctrl-C."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from appsplus.errors import InputError
from appsplus.review.app import make_app
from appsplus.review.desk import Desk
from appsplus.review.judgement import Judging
from appsplus.review.security import Keys

HOST = "127.0.0.1"  # never another: the app has no users, only the person who started it


def serve(desk: Desk, judging: Judging, *, port: int, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `tell` gets the address to open. Port 0 is any free one.

    Raises InputError where the port cannot be had.
    """
    with listening(port) as listener:
        keys = Keys(listener.getsockname()[1])
        config = uvicorn.Config(make_app(desk, judging, keys), log_level="warning", lifespan="off", server_header=False)
        tell(keys.address)
        _Server(config).run(sockets=[listener])


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on this machine only."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()  # a browser that is quicker than the app waits for it
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
            raise InputError(
                f"port {port} {why}; expected a free one. Name another with --port, or leave it out for any free port"
            ) from None
        yield listener
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """Ends quietly when it is asked to: nothing is lost, as every decision is on the disk at once."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but without raising the signal again in the end."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
