"""What a server was started with, and what it puts up with."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from sizer.errors import RunError

_TOKEN = re.compile("[!-~]{16,}")
"""What a header bears unchanged: blanks at either end of one are not sent."""


@dataclass(frozen=True)
class Limits:
    """What is refused, with an answer that names the limit."""

    count_bytes: int = 64 * 2**20
    """Of a body that holds networks."""
    sweep_bytes: int = 1 * 2**20
    """Of a body that holds a sweep."""
    file_bytes: int = 64 * 2**20
    """Of a body that holds a model file."""
    body_values: int = 3_000_000
    """In a body that holds networks, counted before it is read: each takes some hundred bytes then."""
    body_seconds: float = 60.0
    """How long a client may take to send a body."""
    held_bytes: int = 256 * 2**20
    """Of bodies and answers that all requests together hold."""
    answer_bytes: int = 128 * 2**20
    """Of one answer."""
    networks: int = 100_000
    """In one call of `/v1/count`."""
    list_values: int = 100_000
    """In lists, one for each layer, of one call of `/v1/count`: a network of such lists takes some 60 microseconds a layer."""
    shown_values: int = 2_000
    """The same of calls that show a network part by part, or under every convention."""
    digits: int = 1_000_000
    """Of all the numbers of one call that have more than twenty."""
    configurations: int = 1_000_000_000
    """The most configurations that the grid of one job may have."""
    jobs_at_once: int = 1
    """Each of them uses every core."""
    jobs_waiting: int = 100
    page_rows: int = 10_000
    """In one page of rows."""
    queries_at_once: int = 4
    """Pages of rows, plots and downloads that are being made."""
    downloads: int = 16
    """CSV that is being sent, to however slow clients."""
    sweep_processes: int = 2
    """For dry runs, and for configurations of a sweep."""
    network_processes: int = 2
    """For what is asked of networks, but for the count of a plain one."""
    questions_waiting: int = 64
    """Questions that wait for a process of either kind."""
    question_seconds: float = 20.0
    """How long a question may take."""
    question_bytes: int = 2 * 2**30
    """Of the memory that a question may take, where the system can be told so."""
    streams: int = 200
    """Clients that follow the progress of jobs."""
    cached_bytes: int = 4 * 2**30
    """Of files made for downloads."""
    connections: int = 1000
    """At once. Past it those that wait for a next request are closed, the longest idle first; where none does, only
    `/healthz` and `/readyz` are answered."""
    head_bytes: int = 64 * 2**10
    """Of the lines before a body: the address and the headers."""
    headers: int = 200
    head_seconds: float = 20.0
    """In which they must arrive."""
    idle_seconds: float = 30.0
    """How long a connection is kept for a next request."""
    stalled_seconds: float = 60.0
    """How long a client may take nothing of its answer."""


@dataclass(frozen=True)
class Settings:
    """What a server was started with."""

    data: Path
    """The folder of jobs and results; made where it is missing."""
    host: str = "127.0.0.1"
    port: int = 8765
    """0: any that is free."""
    token: str | None = None
    """What every call must bear; None: none is asked for."""
    no_auth: bool = False
    """Whether it is meant that a server without a token is reached from other machines."""
    allowed_hosts: tuple[str, ...] = ()
    """Names by which clients may call the server, besides `localhost`, its own name and any IP address."""
    cluster: str | None = None
    """A Dask scheduler whose workers run the jobs."""
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Check that nobody is let in unawares.

        Raises:
            RunError: the server would be open to other machines without a token, or the token is none.
        """
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise RunError(
                "a token has at least 16 visible ASCII characters and no others, such as `openssl rand -hex 24` prints"
            )
        if not is_loopback(self.host) and not self.token and not self.no_auth:
            raise RunError(
                f"{self.host} can be reached from other machines: give --token (or SIZER_TOKEN), or --no-auth if"
                " anybody may use this server"
            )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
