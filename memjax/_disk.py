"""Files written whole or not at all, and one writer at a time."""

import contextlib
import os
import pathlib
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator

_PARTIAL = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{32}\.partial")
_MAGIC = b"memjax lock"


def partial(path: pathlib.Path) -> pathlib.Path:
    """A name beside `path` that nobody else has: process ids repeat in containers and on other machines."""
    return path.with_name(f".{path.name}.{secrets.token_hex(16)}.partial")


def put(path: pathlib.Path, content: bytes, durable: bool = False) -> None:
    """Write a file under another name, then rename it; a link by the name of the file is replaced, not followed.

    Args:
        path: its folder exists.
        content: of the file.
        durable: whether it must outlive a loss of power; without, such a loss may leave a file of the right name with
            less in it, which a checksum finds.
    """
    temporary = partial(path)
    try:
        with open(temporary, "xb") as file:  # x: neither a file nor a link of that name may exist
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_beside(path: pathlib.Path) -> None:
    """Remove what killed writers of a file or folder left beside it, which only the holder of its lock may do."""
    for each in path.parent.iterdir():
        found = _PARTIAL.fullmatch(each.name)
        if found is not None and found["name"] == path.name:
            _remove(each)


def clear_inside(folder: pathlib.Path) -> None:
    """Remove what killed writers left in a folder, which only the holder of its lock may do."""
    for inner, _, names in os.walk(folder):
        for name in filter(_PARTIAL.fullmatch, names):
            (pathlib.Path(inner) / name).unlink(missing_ok=True)


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def lock_file(path: pathlib.Path) -> pathlib.Path:
    """The lock of a file or folder, beside it."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[bool]:
    """Hold the lock of a file or folder: `.NAME.lock` beside it, which is there only as long as it is held.

    The kernel drops the lock when its holder ends, however it ends; what a killed holder leaves is taken over.

    Yields: whether the file system has locks; if not, a line says so.

    Raises: BlockingIOError, naming path and holder, where another has it; OSError where the file cannot be made.
    """
    file = lock_file(path)
    descriptor, has_locks = _take(file, path)
    try:
        yield has_locks
    finally:
        # Removed while it is held; whoever has opened it meanwhile sees that it is gone, and makes another.
        if _same(descriptor, file):
            file.unlink(missing_ok=True)
        os.close(descriptor)


def _take(file: pathlib.Path, path: pathlib.Path) -> tuple[int, bool]:
    import fcntl  # only on POSIX

    while True:
        descriptor, has_locks = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), True
        try:
            holder = os.read(descriptor, 300)
            if holder and not holder.startswith(_MAGIC):
                raise FileExistsError(f"{file} is there and is no lock of memjax")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                who = holder.decode(errors="replace").removeprefix(_MAGIC.decode()).strip() or "another process"
                raise BlockingIOError(f"{path} is being written by {who}") from None
            except OSError as error:
                has_locks = False
                print(
                    f"memjax: no lock for {path} ({error.strerror}): see to it that one process writes it",
                    file=sys.stderr,
                )
            if _same(descriptor, file):
                _sign(descriptor)
                return descriptor, has_locks
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Say who holds the lock, for messages only."""
    with contextlib.suppress(OSError):  # the disk may be full
        text = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)})"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _MAGIC + b" " + text.encode(), 0)


def _same(descriptor: int, file: pathlib.Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(file))
    except OSError:
        return False
