"""The edge of the command line: where output leaves the process, and where whatever nobody caught becomes one line.

Standard output is written whole or the command fails: neither a full disk nor Python without buffers may cut it short
unnoticed. A reader that goes away ends the command quietly. What cannot be said on standard error is dropped; the exit
code says it still.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TextIO

from sizer.errors import InputError, RunError
from sizer.outlets import write_whole

TRACEBACK = "SIZER_TRACEBACK"
"""The environment variable that asks for the traceback of what nobody caught."""

NOT_FINISHED = 3
"""The exit code of what could not be finished."""

STOPPED = "stopped; the tables that were there are unchanged"


class ReaderGoneError(Exception):
    """Nobody reads standard output any more (`| head`): the command ends there, which is no failure.

    No `OSError`: what goes wrong with a table's file must not be taken for this, nor this for that.
    """


class UnwrittenError(RunError):
    """Standard output took not all of what was written on it."""


class Outlet(io.RawIOBase):
    """Standard output or standard error below its buffer: takes every byte that it is given, or fails once.

    After the failure it swallows what is still on its way, so that closing it does not fail again.
    """

    def __init__(self, stream: Any, name: str = "") -> None:
        """Take over a stream of bytes, which stays open.

        Args:
            stream: of bytes, without a buffer of its own or with an empty one; None where it is closed.
            name: how a person calls it; empty where what cannot be written is dropped.
        """
        self._stream = stream
        self._name = name
        self.failure: ReaderGoneError | UnwrittenError | None = None
        """Why it takes nothing any more."""

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def fileno(self) -> int:
        """Return the number of the file below it."""
        if self._stream is None:
            raise io.UnsupportedOperation("it is closed")
        return int(self._stream.fileno())

    def isatty(self) -> bool:
        """Return whether a person looks at it."""
        return self._stream is not None and bool(self._stream.isatty())

    def write(self, data: Any) -> int:
        """Write all of the bytes, and return how many they are.

        Raises:
            ReaderGoneError: nobody reads them.
            UnwrittenError: they could not be written.
        """
        size = memoryview(data).nbytes
        if self.failure is None:
            self.failure = self._written(data)
            if self.failure is not None and self._name:
                raise self.failure
        return size

    def _written(self, data: Any) -> ReaderGoneError | UnwrittenError | None:
        """Write bytes, and return what prevented it."""
        if self._stream is None:
            return UnwrittenError(f"{self._name} is closed, so nothing can be written to it")
        try:
            write_whole(self._stream, data)
        except OSError as problem:
            if problem.errno == errno.EPIPE:
                return ReaderGoneError()
            return UnwrittenError(f"{self._name}: {problem.strerror or problem}; what was written there is incomplete")
        return None


def run(command: Callable[[], object]) -> NoReturn:
    """Run the command line and end the process with its exit code, never with a traceback."""
    with _standard_streams() as standard_output:
        code = _code_of(command)
        with contextlib.suppress(ReaderGoneError, UnwrittenError):
            sys.stdout.flush()
        failure = standard_output.failure if standard_output else None
        if isinstance(failure, UnwrittenError):
            _say(str(failure))
            code = NOT_FINISHED
    sys.exit(code)


def _code_of(command: Callable[[], object]) -> Any:
    """Return a command's exit code, once what went wrong is said in a line."""
    try:
        command()
    except SystemExit as ended:
        return ended.code
    except ReaderGoneError:
        return 0
    except InputError as problem:
        _say("\n".join(map(str, problem.faults)))
        return 1
    except UnwrittenError:
        pass  # said when everything else is
    except RunError as problem:
        _say(str(problem))
    except KeyboardInterrupt:
        _say(STOPPED)
    except MemoryError as problem:
        _say("there is not enough memory for this", problem)
    except OSError as problem:
        # The disk, a device, a network: what it said is all there is to say.
        where = f"{problem.filename}: " if problem.filename else ""
        _say(f"{where}{problem.strerror or _in_a_line(problem)}", problem)
    except Exception as problem:
        _say(last_resort(problem), problem)
    else:
        return 0
    return NOT_FINISHED


LONGEST = 200
"""Characters of what a library said that are shown in a line."""

LAST_RESORT = "this is a bug in Sizer"


def last_resort(problem: Exception) -> str:
    """Return what is said of a fault that nobody foresaw: what to send, and where."""
    return (
        f"{LAST_RESORT} ({_in_a_line(problem)}); please report it to the project that this copy is from, with the command,"
        f" the output of `sizer --version`, and what the command prints with {TRACEBACK}=1"
    )


def _in_a_line(problem: BaseException) -> str:
    words = " ".join(str(problem).split())
    if len(words) > LONGEST:
        words = words[: LONGEST - 1] + "…"
    return f"{type(problem).__name__}: {words}" if words else type(problem).__name__


def _say(words: str, problem: BaseException | None = None) -> None:
    if problem is not None and os.environ.get(TRACEBACK, "0") not in {"", "0"}:
        traceback.print_exception(problem, file=sys.stderr)
    print(f"sizer: {words}", file=sys.stderr)  # noqa: T201


@contextlib.contextmanager
def _standard_streams() -> Iterator[Outlet | None]:
    """Put an outlet below standard output and standard error; give the one of standard output.

    A stream without bytes below it, as a test may put in their place, stays as it is.
    """
    _occupy()
    codecs.register_error(_ESCAPED, _escaped)
    before = sys.stdout, sys.stderr
    output = _above_outlet(sys.stdout, "standard output", _ESCAPED)
    errors = _above_outlet(sys.stderr, "", "backslashreplace")
    if output is not None:
        sys.stdout = output[0]
    if errors is not None:
        sys.stderr = errors[0]
    try:
        yield output[1] if output is not None else None
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ReaderGoneError, UnwrittenError):
                stream.flush()
        sys.stdout, sys.stderr = before


def _above_outlet(stream: TextIO | None, name: str, errors: str) -> tuple[TextIO, Outlet] | None:
    if stream is None:
        outlet = Outlet(None, name)
        return io.TextIOWrapper(io.BufferedWriter(outlet), "utf-8", errors, write_through=True), outlet
    if not isinstance(stream, io.TextIOWrapper):
        return None
    stream.flush()
    below: Any = stream.buffer
    outlet = Outlet(getattr(below, "raw", below), name)
    # Nobody asks for ASCII on purpose: it is what is left where nothing says what a terminal shows.
    encoding = "utf-8" if codecs.lookup(stream.encoding).name == "ascii" else stream.encoding
    return (
        io.TextIOWrapper(
            io.BufferedWriter(outlet) if hasattr(below, "raw") else outlet,  # type: ignore[type-var]
            encoding,
            errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        ),
        outlet,
    )


def _occupy() -> None:
    """Open nothing in the place of standard streams that are closed, lest a table's file get their numbers."""
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)
                if opened != number:
                    os.close(opened)


_ESCAPED = "sizer.escaped"


def _escaped(problem: UnicodeError) -> tuple[str, int]:
    r"""Write what an encoding lacks as `\uXXXX`, which is what it is called within JSON, too.

    Half a pair of UTF-16 is such a character: a byte of a file's name that is no UTF-8 reaches Python as one.
    """
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    lacking = problem.object[problem.start : problem.end].encode("utf-16-be", "surrogatepass")
    pairs = (lacking[place : place + 2].hex() for place in range(0, len(lacking), 2))
    return "".join(f"\\u{pair}" for pair in pairs), problem.end
