"""Runs cases of the ported suite against a WebSocket echo server: client.py URL PART OF PATTERN…

Prints one JSON object per case. Of the cases that match, every OF-th is run, beginning with number PART.
"""

import json
import os
import sys

from autobahn.twisted.websocket import WebSocketClientProtocol
from autobahntestsuite import fuzzing
from twisted.internet import reactor


def as_bytes(data):
    """What a case means by a string."""
    return data.encode("latin-1") if isinstance(data, str) else data


def as_text(data):
    """What a case expects to be given."""
    return data.decode("latin-1") if isinstance(data, bytes) else data


def shown(data, maxlen=64, replace=False):
    """Payload as it is shown in results."""
    data = as_bytes(data)
    try:
        return data[:maxlen].decode() + (" ..." if len(data) > maxlen else "")
    except UnicodeDecodeError:
        return "0x" + data[:maxlen].hex() + (" ..." if len(data) > maxlen else "")


class Protocol(fuzzing.FuzzingClientProtocol):
    """The suite's protocol between cases that speak `str` and a library that speaks bytes."""

    def logRxFrame(self, header, payload):
        super().logRxFrame(header, [as_text(b"".join(payload))])

    def sendFrame(self, *args, payload=b"", mask=None, payload_len=None, **options):
        payload = as_bytes(payload)
        if payload_len is not None and payload:
            # The library would divide with / here.
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        WebSocketClientProtocol.sendFrame(self, *args, payload=payload, mask=as_bytes(mask), **options)

    def sendMessage(self, payload, *args, **options):
        WebSocketClientProtocol.sendMessage(self, as_bytes(payload), *args, **options)

    def sendMessageFrameData(self, payload, *args, **options):
        return WebSocketClientProtocol.sendMessageFrameData(self, as_bytes(payload), *args, **options)

    def sendPing(self, payload=None):
        WebSocketClientProtocol.sendPing(self, as_bytes(payload))

    def sendPong(self, payload=None):
        WebSocketClientProtocol.sendPong(self, as_bytes(payload))

    def sendCloseFrame(self, code=None, reasonUtf8=None, *args, **options):
        WebSocketClientProtocol.sendCloseFrame(self, code, as_bytes(reasonUtf8), *args, **options)

    def onPing(self, payload):
        self.runCase.onPing(as_text(payload))
        WebSocketClientProtocol.onPing(self, payload)

    def onPong(self, payload):
        self.runCase.onPong(as_text(payload))

    def onMessage(self, payload, binary):
        # The cases with compression were ported to Python 3 by their authors and take bytes.
        is_ported = type(self.runCase).__name__.startswith(("Case12", "Case13"))
        self.runCase.onMessage(payload if is_ported else as_text(payload), binary)


class Factory(fuzzing.FuzzingClientFactory):
    """Tells each result at once instead of writing a report at the end."""

    out = None

    def logCase(self, result):
        print(json.dumps(result, default=lambda data: shown(data)), file=Factory.out, flush=True)

    def createReports(self):
        pass


def main(url, part, of, *patterns):
    # What the suite itself prints is of no use to who reads the results.
    Factory.out, sys.stdout = sys.stdout, open(os.devnull, "w")
    fuzzing.asciiLogData = shown
    fuzzing.binLogData = lambda data, maxlen=64: as_bytes(data)[:maxlen].hex()
    fuzzing.FuzzingClientProtocol = Protocol
    names = (fuzzing.CaseSetname, fuzzing.CaseBasename, fuzzing.Cases, fuzzing.CaseCategories,
             fuzzing.CaseSubCategories)
    cases = fuzzing.CaseSet(*names).parseSpecCases({"cases": patterns})[int(part)::int(of)]
    print(json.dumps(cases), file=Factory.out, flush=True)
    if cases:
        Factory({"servers": [{"agent": "roost", "url": url}], "cases": cases})
        reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
