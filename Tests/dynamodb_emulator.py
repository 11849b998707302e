"""DynamoDB's emulator, one request at a time: `dynamodb_emulator.py -H 127.0.0.1 -p PORT`.

moto looks whether a write's condition holds, and writes, in two steps. Between them another request may be served, and
then of two that each want to be the first, both are.
"""

import io
import threading

from moto import server


class OneAtATime(server.DomainDispatcherApplication):
    turn = threading.Lock()

    def __call__(self, environ, start_response):
        # Whoever is slow to say what it wants keeps nobody waiting.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self.turn:
            return list(super().__call__(environ, start_response))


server.DomainDispatcherApplication = OneAtATime
server.main()
