"""The jobs, the programs that do each of them side by side, and the goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import paths
from .servers import Urls

GIB = 1 << 30
STALL_SECONDS = 5
STALL_AFTER = 10_000_000
LOOPS = ("asyncio", "uvloop")

# (urls, measured seconds) -> command line
Command = Callable[[Urls, float], "list[str]"]


@dataclass(frozen=True)
class Program:
    """One client doing one job. `role` is ours, peer or limit (a load generator, not a library)."""

    name: str
    role: str
    command: Command
    parser: str = "json"


@dataclass(frozen=True)
class Job:
    """What is measured. `apart`: the server has one CPU of its own, the client the others."""

    name: str
    title: str
    programs: tuple[Program, ...]
    unit: str = "requests/s"
    apart: bool = False
    figure: str = "rate"
    download: bool = False


@dataclass(frozen=True)
class Goal:
    """`ours` (the best of them) must reach `least` times `peer`, or `least` itself, or keep growth under `most_kib`."""

    job: str
    ours: tuple[str, ...]
    peer: str = ""
    least: float = 0.0
    most_kib: int = 0


def c_program(
    binary: str, engine: str, role: str, job: str, http: int, more: list[str], path: str
) -> Program:
    def command(urls: Urls, seconds: float) -> list[str]:
        base = urls.http2_tls if http == 2 else urls.http1
        line = [str(paths.BIN / binary), "--job", job, "--engine", engine, "--http", str(http)]
        line += ["--url", base + path, "--seconds", str(seconds)]
        return line + (["--ca", str(paths.CA)] if http == 2 else []) + more

    library = "libcurl" if binary == "curl_bench" else "trunkline"
    return Program(f"{library}/{engine}", role, command)


def c_programs(job: str, http: int, more: list[str], path: str) -> tuple[Program, ...]:
    engines = [("curl_bench", "poll", "peer"), ("curl_bench", "socket", "peer")]
    if "--download" in more:
        engines.pop()
    engines += [("trunkline_bench", "threads", "ours"), ("trunkline_bench", "inline", "ours")]
    return tuple(
        c_program(binary, engine, role, job, http, more, path) for binary, engine, role in engines
    )


def wrk(connections: int) -> Program:
    def command(urls: Urls, seconds: float) -> list[str]:
        duration = f"{max(1, round(seconds))}s"
        return ["wrk", "-t1", f"-c{connections}", f"-d{duration}", f"{urls.http1}/small"]

    return Program("wrk", "limit", command, "wrk")


def h2load(streams: int, tls: bool) -> Program:
    def command(urls: Urls, seconds: float) -> list[str]:
        base = urls.http2_tls if tls else urls.http2_clear
        duration = ["-D", str(max(1, round(seconds))), "--warm-up-time=1"]
        return ["h2load", "-c1", f"-m{streams}", "-t1", *duration, f"{base}/small"]

    return Program(f"h2load/{'tls' if tls else 'clear'}", "limit", command, "h2load")


def c_job(http: int, in_flight: int) -> Job:
    name = f"c-h{http}-{in_flight}"
    programs = c_programs(name, http, ["--in-flight", str(in_flight)], "/small")
    tools = [h2load(in_flight, True), h2load(in_flight, False)] if http == 2 else [wrk(in_flight)]
    version = "HTTP/1.1" if http == 1 else "HTTP/2 over TLS, 1 connection"
    return Job(
        name, f"C, {version}, {in_flight} in flight", (*programs, *tools), apart=in_flight == 1
    )


def download_job(http: int, stall: bool) -> Job:
    name = f"download-h{http}" + ("-stall" if stall else "")
    more = ["--download", "--body", str(GIB)]
    if stall:
        more += ["--stall", str(STALL_SECONDS), "--stall-at", str(STALL_AFTER)]
    version = "HTTP/1.1" if http == 1 else "HTTP/2 over TLS"
    title = f"C, {version}, download of 1 GiB"
    programs = c_programs(name, http, more, "/1GiB")
    if stall:
        title = f"C, {version}, consumer stalls 5 s: memory growth"
        return Job(name, title, programs, unit="KiB", figure="growth_kib", download=True)
    return Job(name, title, programs, unit="MiB/s", download=True)


def python_program(
    script: str, client: str, loop: str, job: str, in_flight: int, http: int, size: int
) -> Program:
    def command(urls: Urls, seconds: float) -> list[str]:
        if script == "websocket":
            url = urls.websocket
        else:
            url = (urls.http2_tls if http == 2 else urls.http1) + "/small"
        line = [str(paths.PYTHON), str(paths.BENCH / "python" / f"{script}.py"), client]
        line += ["--job", job, "--url", url, "--loop", loop, "--in-flight", str(in_flight)]
        line += ["--seconds", str(seconds), "--http", str(http), "--size", str(size)]
        return line + (["--ca", str(paths.CA)] if http == 2 else [])

    name = client if loop == "none" else f"{client}/{loop}"
    return Program(name, "ours" if "trunkline" in client else "peer", command)


def python_async_job(http: int) -> Job:
    name = f"py-async-h{http}-64"
    clients = ["pyreqwest", "aiohttp", "httpx"] if http == 1 else ["pyreqwest", "httpx"]
    programs = [
        python_program("http_async", client, loop, name, 64, http, 131)
        for client in [*clients, "trunkline"]
        for loop in LOOPS
    ]
    version = "HTTP/1.1" if http == 1 else "HTTP/2 over TLS"
    return Job(name, f"Python async, {version}, 64 in flight", tuple(programs))


def python_sync_job(http: int) -> Job:
    name = f"py-sync-h{http}-1"
    clients = ["pycurl", "pyreqwest", "httpx", *(["http.client"] if http == 1 else []), "trunkline"]
    programs = [
        python_program("http_sync", client, "none", name, 1, http, 131) for client in clients
    ]
    version = "HTTP/1.1" if http == 1 else "HTTP/2 over TLS"
    return Job(name, f"Python sync, {version}, 1 in flight", tuple(programs), apart=True)


def python_fitted_job(threads: int) -> Job:
    name = f"py-fitted-h1-{threads}"
    clients = ["httpx", "requests", "httpx-on-trunkline", "requests-on-trunkline"]
    programs = [
        python_program("http_fitted", client, "none", name, threads, 1, 131) for client in clients
    ]
    title = f"Python, httpx and requests on either engine, HTTP/1.1, {threads} in flight"
    return Job(name, title, tuple(programs), apart=threads == 1)


#: The ways to use a WebSocket of ours from a loop.
SOCKETS = ("trunkline", "trunkline-many", "trunkline-listener")
SOCKET_PEERS = ("picows", "aiohttp", "websockets")


def websocket_job(name: str, size: int, in_flight: int, words: str) -> Job:
    programs = [
        python_program("websocket", client, loop, name, in_flight, 1, size)
        for client in (*SOCKET_PEERS, *SOCKETS)
        for loop in LOOPS
    ]
    programs.append(python_program("websocket", "trunkline-sync", "none", name, in_flight, 1, size))
    pattern = "1 in flight" if in_flight == 1 else f"pipelined, window of {in_flight}"
    title = f"Python WebSocket echo, {words}, {pattern}"
    return Job(name, title, tuple(programs), unit="messages/s", apart=in_flight == 1)


def c_websocket_job(name: str, size: int, in_flight: int, words: str) -> Job:
    def program(library: str, binary: str, role: str, engine: str = "") -> Program:
        def command(urls: Urls, seconds: float) -> list[str]:
            line = [binary, "--job", name, "--url", urls.websocket, "--size", str(size)]
            line += ["--in-flight", str(in_flight), "--seconds", str(seconds)]
            return line + (["--engine", engine] if engine else [])

        return Program(f"{library}/{engine}" if engine else library, role, command)

    ours = str(paths.BIN / "websocket_bench")
    programs = (
        program("tokio-tungstenite", str(paths.TUNGSTENITE), "peer"),
        program("trunkline", ours, "ours", "threads"),
        program("trunkline", ours, "ours", "inline"),
    )
    pattern = "1 in flight" if in_flight == 1 else f"pipelined, window of {in_flight}"
    title = f"C WebSocket echo, {words}, {pattern}"
    return Job(name, title, programs, unit="messages/s", apart=in_flight == 1)


#: What 20,000 are opened by: one process may not have as many descriptors.
IDLE_PROCESSES = 2


def idle_job(name: str, count: int, processes: int, opening: bool) -> Job:
    def program(client: str) -> Program:
        def command(urls: Urls, seconds: float) -> list[str]:
            script = str(paths.BENCH / "python" / "websocket_idle.py")
            line = [str(paths.PYTHON), script, client, "--job", name, "--echo", str(paths.ECHO)]
            return [*line, "--count", str(count), "--processes", str(processes)]

        return Program(client, "ours" if client == "trunkline" else "peer", command)

    programs = tuple(program(client) for client in (*SOCKET_PEERS, "trunkline"))
    if opening:
        title = f"Python, {count} WebSockets opened, by {processes} processes"
        return Job(name, title, programs, unit="opened/s")
    title = f"Python, {count} idle WebSockets: memory growth"
    return Job(name, title, programs, unit="KiB", figure="growth_kib")


def c_sansio_job() -> Job:
    name = "c-sansio-64"

    def program(library: str, binary: str, role: str) -> Program:
        def command(urls: Urls, seconds: float) -> list[str]:
            line = [binary, "--job", name, "--url", f"{urls.http2_clear}/small"]
            return [*line, "--in-flight", "64", "--seconds", str(seconds)]

        return Program(library, role, command)

    programs = (
        program("h2", str(paths.H2), "peer"),
        program("trunkline", str(paths.BIN / "sansio_bench"), "ours"),
    )
    return Job(name, "C, HTTP/2 in clear text without a socket, 64 in flight", programs)


def python_sansio_job() -> Job:
    name = "py-sansio-64"

    def program(client: str) -> Program:
        def command(urls: Urls, seconds: float) -> list[str]:
            line = [str(paths.PYTHON), str(paths.BENCH / "python" / "sansio.py"), client]
            line += ["--job", name, "--url", f"{urls.http2_clear}/small", "--in-flight", "64"]
            return [*line, "--seconds", str(seconds)]

        return Program(client, "ours" if client == "trunkline" else "peer", command)

    title = "Python, HTTP/2 in clear text without a socket, 64 in flight"
    return Job(name, title, (program("h2"), program("trunkline")))


def ocaml_job(in_flight: int) -> Job:
    name = f"ocaml-h1-{in_flight}"

    def program(client: str, role: str) -> Program:
        def command(urls: Urls, seconds: float) -> list[str]:
            line = [str(paths.OCAML), client, "--job", name, "--url", f"{urls.http1}/small"]
            return [*line, "--in-flight", str(in_flight), "--seconds", str(seconds)]

        return Program(client, role, command)

    programs = (
        program("cohttp", "peer"),
        program("cohttp-kept", "peer"),
        program("trunkline", "ours"),
        program("trunkline-inline", "ours"),
    )
    return Job(name, f"OCaml with Lwt, HTTP/1.1, {in_flight} in flight", programs)


JOBS = (
    c_job(1, 64),
    c_job(2, 64),
    c_job(1, 1),
    c_job(2, 1),
    python_async_job(1),
    python_async_job(2),
    python_sync_job(1),
    python_sync_job(2),
    python_fitted_job(1),
    python_fitted_job(20),
    ocaml_job(64),
    c_websocket_job("c-ws-256-64", 256, 64, "256 B"),
    c_websocket_job("c-ws-256-1", 256, 1, "256 B"),
    c_websocket_job("c-ws-8k-64", 8 * 1024, 64, "8 KiB"),
    websocket_job("ws-256-64", 256, 64, "256 B"),
    websocket_job("ws-256-1", 256, 1, "256 B"),
    websocket_job("ws-8k-64", 8 * 1024, 64, "8 KiB"),
    websocket_job("ws-100k-16", 100_000, 16, "100 KB"),
    idle_job("ws-idle-10k", 10_000, 1, opening=False),
    idle_job("ws-open-20k", 20_000, IDLE_PROCESSES, opening=True),
    c_sansio_job(),
    python_sansio_job(),
    download_job(1, False),
    download_job(2, False),
    download_job(1, True),
    download_job(2, True),
)

C_BOTH = ("trunkline/threads", "trunkline/inline")
C_INLINE = ("trunkline/inline",)

GOALS = (
    Goal("c-h1-64", C_BOTH, "libcurl/poll", 1.5),
    Goal("c-h2-64", C_BOTH, "libcurl/poll", 2.0),
    Goal("c-h1-1", C_INLINE, "libcurl/poll", 1.0),
    Goal("c-h2-1", C_INLINE, "libcurl/poll", 1.0),
    Goal("py-async-h1-64", ("trunkline/uvloop",), "pyreqwest/uvloop", 2.0),
    Goal("py-async-h1-64", ("trunkline/asyncio",), "pyreqwest/asyncio", 5.0),
    Goal("py-sync-h1-1", ("trunkline",), "pycurl", 1.0),
    Goal("py-sync-h2-1", ("trunkline",), "pycurl", 1.0),
    *(
        Goal(f"py-fitted-h1-{threads}", (f"{client}-on-trunkline",), client, 1.0)
        for threads in (1, 20)
        for client in ("httpx", "requests")
    ),
    Goal("ocaml-h1-64", ("trunkline", "trunkline-inline"), "cohttp", 3.0),
    *(
        Goal(f"c-ws-{pattern}", C_INLINE, "tokio-tungstenite", 1.0)
        for pattern in ("256-64", "256-1", "8k-64")
    ),
    *(
        Goal(job, tuple(f"{client}/{loop}" for client in SOCKETS), f"{peer}/{loop}", least)
        for job, least in (("ws-256-64", 2.0), ("ws-8k-64", 1.5), ("ws-100k-16", 1.2))
        for peer in SOCKET_PEERS
        for loop in LOOPS
    ),
    *(
        Goal("ws-256-1", tuple(f"{client}/{loop}" for client in SOCKETS), f"picows/{loop}", 1.0)
        for loop in LOOPS
    ),
    Goal("c-sansio-64", ("trunkline",), "h2", 0.9),
    Goal("py-sansio-64", ("trunkline",), "h2", 10.0),
    *(Goal(f"download-h{http}", C_BOTH, "libcurl/poll", 1.0) for http in (1, 2)),
    Goal("ws-idle-10k", ("trunkline",), most_kib=12 * 10_000),
    Goal("ws-open-20k", ("trunkline",), least=20_000 / 30),
    # Memory is a promise of either drive: each has a line of its own.
    *(
        Goal(f"download-h{http}-stall", (drive,), most_kib=16 * 1024)
        for http in (1, 2)
        for drive in C_BOTH
    ),
)
