"""The state folder: everything that one platform keeps, owned by one process at a time.

::

    <root>/         0711   tools reach their homes through it, and see nothing else of it
    ├─ db/          0700   SQLite files
    ├─ secrets/     0700   secret values
    ├─ pki/         0700   keys of the platform's authorities
    ├─ run/         0700   what belongs to the running platform: lock, sockets, platform.json
    ├─ pods/        0700   a folder per pod: lock, control socket, exit record
    ├─ logs/        0700   what pods wrote, kept after they are gone
    ├─ pki-public/  0755   certificates that everybody may read
    └─ tools/       0711   the homes
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from toolforge_common.errors import InvalidRequest, Unavailable

SCHEMA_VERSION = 1
# A Unix socket's path has room for 107 bytes; the longest of ours below the root has 19 (pods/<8>/ctl).
MAX_ROOT = 78

_PRIVATE = ("db", "secrets", "pki", "run", "pods", "logs")


class StateFolder:
    """Opens the folder, or makes it, and owns it until `close`.

    Raises Unavailable if another platform owns it or this process may not use it, InvalidRequest if
    the path is too long, if it holds something else, or if it was written by a newer version.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        if len(os.fsencode(self.root)) > MAX_ROOT:
            raise InvalidRequest(
                f"the path of the state folder is too long for the sockets in it: {self.root}",
                hint=f"choose one of at most {MAX_ROOT} bytes with TOOLFORGE_STATE",
            )
        try:
            self._leave_others_alone()
            self._make_folders()
            self._lock = self._take_lock()
        except OSError as error:
            raise Unavailable(
                f"the state folder {self.root} cannot be used: {error.strerror}",
                hint="choose another one with TOOLFORGE_STATE",
            ) from error
        try:
            self._check_version()
        except BaseException:
            self.close()
            raise

    @property
    def db(self) -> Path:
        """Where the SQLite files are."""
        return self.root / "db"

    @property
    def secrets(self) -> Path:
        """Where secret values are."""
        return self.root / "secrets"

    @property
    def pki(self) -> Path:
        """Where the keys of the authorities are."""
        return self.root / "pki"

    @property
    def pki_public(self) -> Path:
        """Where certificates are that everybody may read."""
        return self.root / "pki-public"

    @property
    def run(self) -> Path:
        """Where the files of the running platform are."""
        return self.root / "run"

    @property
    def pods(self) -> Path:
        """Where the pods' folders are."""
        return self.root / "pods"

    @property
    def logs(self) -> Path:
        """Where the pods' log folders are."""
        return self.root / "logs"

    @property
    def tools(self) -> Path:
        """Where the tools' homes are."""
        return self.root / "tools"

    def close(self) -> None:
        """Let another platform have the folder. Calling it again does nothing."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _leave_others_alone(self) -> None:
        """Raise InvalidRequest if the path is a file or a folder of something else, before its mode changes."""
        if not self.root.exists() or (self.root / "version").exists():
            return
        # A start that was cut short may have left some of ours.
        ours = {*_PRIVATE, self.pki_public.name, self.tools.name}
        if not self.root.is_dir() or {path.name for path in self.root.iterdir()} - ours:
            raise InvalidRequest(
                f"{self.root} is there already and is not a state folder",
                hint="choose a new or an empty folder with TOOLFORGE_STATE",
            )

    def _make_folders(self) -> None:
        # As root, tools have numbers of their own and must pass to their homes. Otherwise everything is
        # one user's, and a program that a pod marked as that user's (set-user-ID) is nobody else's to run.
        passage = 0o711 if os.geteuid() == 0 else 0o700
        self.root.parent.mkdir(parents=True, exist_ok=True)
        for folder, mode in (
            (self.root, passage),
            *((self.root / name, 0o700) for name in _PRIVATE),
            (self.pki_public, 0o755),
            (self.tools, passage),
        ):
            # A private folder is never open for a moment: mkdir takes the mode, chmod mends an old one.
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=mode)
            if folder.stat().st_mode & 0o7777 != mode:
                folder.chmod(mode)

    def _take_lock(self) -> int:
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise Unavailable(
                f"the state folder {self.root} is in use by the platform with process id {owner}",
                hint="use that one, or stop it with `toolforge dev down`",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def _check_version(self) -> None:
        file = self.root / "version"
        if not file.exists():
            temporary = self.run / "version.new"
            temporary.write_text(f"{SCHEMA_VERSION}\n")
            temporary.replace(file)
        text = file.read_text().strip()
        if not text.isdecimal() or int(text) > SCHEMA_VERSION:
            raise InvalidRequest(
                f"the state folder {self.root} has schema version {text!r},"
                f" this platform knows versions up to {SCHEMA_VERSION}",
                hint="start the newer version of the platform that wrote it",
            )
