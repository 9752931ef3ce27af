"""Runs Autobahn's fuzzing server on loopback, which by itself listens on all interfaces.

Python 2.7 with autobahntestsuite: `python serve.py SPEC PORT`, where SPEC is a file as `wstest` takes it.
"""

import json
import sys
import tempfile

from autobahntestsuite import wstest
from twisted.internet import reactor


def main():
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    spec["url"] = "ws://127.0.0.1:" + sys.argv[2]
    with tempfile.NamedTemporaryFile(suffix=".json", delete=False) as given:
        json.dump(spec, given)
    listen = reactor.listenTCP

    def on_loopback(number, factory, backlog=50, interface=""):
        return listen(number, factory, backlog, "127.0.0.1")

    reactor.listenTCP = on_loopback
    sys.argv = ["wstest", "-m", "fuzzingserver", "-s", given.name, "--webport", "0"]
    wstest.run()


if __name__ == "__main__":
    main()
