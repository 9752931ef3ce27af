"""The options of the command line, by the names that curl gives them."""

from __future__ import annotations

import argparse

from .. import __version__


def _add_sending(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-H",
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="send a header field; 'NAME:' leaves it out, 'NAME;' sends it empty",
    )
    add("-A", "--user-agent", metavar="TEXT", help="as the header field; empty sends none")
    add("-u", "--user", metavar="USER:PASSWORD", help="credentials; asks for a missing password")
    add("--digest", action="store_true", help="digest instead of Basic with -u")
    add("--bearer", "--oauth2-bearer", metavar="TOKEN", help="send a bearer token")
    add("-n", "--netrc", action="store_true", help="take credentials from ~/.netrc")
    add("--netrc-file", metavar="FILE", help="take credentials from this file")
    add(
        "-b",
        "--cookie",
        action="append",
        default=[],
        metavar="DATA|FILE",
        help="send cookies: 'a=b; c=d', or those of a file",
    )
    add("-c", "--cookie-jar", metavar="FILE", help="write all cookies to this file at the end")


def _add_connecting(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-k", "--insecure", action="store_true", help="accept any certificate")
    add("--cacert", metavar="FILE", help="trust these certificates (PEM)")
    add("-E", "--cert", metavar="FILE", help="show this certificate (PEM)")
    add("--key", metavar="FILE", help="its private key, where it has a file of its own")
    add("-x", "--proxy", metavar="URL", help="go through this proxy")
    add("--noproxy", metavar="HOSTS", help="but not to these hosts, separated by commas")
    add(
        "--resolve",
        action="append",
        default=[],
        metavar="HOST:PORT:ADDRESS[,ADDRESS]",
        help="connect to these addresses in place of the host's",
    )
    add("--unix-socket", metavar="PATH", help="connect to this socket instead")
    add("--timeout", type=float, metavar="SECONDS", help="deadline of each phase")
    add("--connect-timeout", type=float, metavar="SECONDS", help="deadline of look-up, TCP and TLS")
    add("-m", "--max-time", type=float, metavar="SECONDS", help="deadline of the whole")
    add("--har", metavar="FILE", help="write the exchanges to an HTTP archive")
    add(
        "-v", "--verbose", action="store_true", help="tell of connection, protocol, TLS and timings"
    )


def _add_body(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-X", "--request", metavar="METHOD", help="default GET; POST with -d and -F")
    add("-I", "--head", action="store_true", help="send HEAD and print status and header fields")
    add(
        "-d",
        "--data",
        action="append",
        metavar="DATA",
        help="body; @FILE reads it from a file, @- from stdin; several are joined by &",
    )
    add(
        "-F",
        "--form",
        action="append",
        metavar="NAME=CONTENT",
        help="part of a form: text, @FILE[;type=TYPE][;filename=NAME], or <FILE for its text",
    )


def _add_answer(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    location = group.add_mutually_exclusive_group()
    location.add_argument(
        "-L", "--location", action="store_true", help="follow redirects (the default)"
    )
    location.add_argument("--no-location", action="store_true", help="follow no redirects")
    add("--location-trusted", action="store_true", help="send credentials wherever they lead")
    add("--max-redirs", type=int, metavar="N", help="follow so many at most, default 10")
    add("--retry", type=int, metavar="N", help="try again after passing failures, N times at most")
    add("--compressed", action="store_true", help="ask for a compressed body (the default)")
    add("--raw", action="store_true", help="neither ask for a compressed body nor decode one")
    add("-f", "--fail", action="store_true", help="fail unless the status is 2xx")
    add("-i", "--headers", action="store_true", help="print status and header fields too")
    add("-o", "--output", metavar="FILE", help="write the body to a file")
    add("--json", action="store_true", help="print the body as indented JSON")
    version = group.add_mutually_exclusive_group()
    version.add_argument("--http1", action="store_true", help="HTTP/1.1 only")
    version.add_argument(
        "--http2", action="store_true", help="HTTP/2 only; in clear text by prior knowledge"
    )
    version.add_argument(
        "--http2-upgrade",
        action="store_true",
        help="HTTP/2 where the server agrees; in clear text it is asked to upgrade",
    )


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("url", metavar="URL")
    _add_sending(common.add_argument_group("what is sent"))
    _add_connecting(common.add_argument_group("connections"))
    parser = argparse.ArgumentParser(
        prog="trunkline", description="HTTP/1.1, HTTP/2 and WebSocket from the shell."
    )
    parser.add_argument("--version", action="version", version=f"trunkline {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    get = commands.add_parser(
        "get", parents=[common], help="send a request and print the body of its answer"
    )
    _add_body(get.add_argument_group("the request"))
    _add_answer(get.add_argument_group("the answer"))
    commands.add_parser(
        "ws", parents=[common], help="send lines of stdin as messages and print what comes back"
    )
    return parser
