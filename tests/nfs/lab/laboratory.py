"""An NFS server and its clients: User-mode Linux guests, each with its own kernel, caches and clock."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from tests.nfs.lab.guest import EXPORT
from tests.nfs.lab.network import CONTROL, DATA, Network, hardware_address, number_of
from tests.nfs.lab.remote import REPOSITORY, GuestError, Interpreter, run

SERVER = "server"
CLIENTS = ("c1", "c2")
# The least that the kernel takes. After a restart the server waits so long for clients that are gone.
LEASE_SECONDS = 10
_SERVER_MB = 1024
_DISK_MB = {SERVER: 2048, "c1": 16, "c2": 16}
_BOOT_SECONDS = 60.0
_DEATH_SECONDS = 10.0
_NEEDED = {
    "linux.uml": "user-mode-linux",
    "mount.nfs": "nfs-common",
    "rpc.nfsd": "nfs-kernel-server",
    "rpcbind": "rpcbind",
    "mkfs.ext4": "e2fsprogs",
    "ip": "iproute2",
    "setpriv": "util-linux",
}
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Laboratory:
    """One NFS server, two clients and the network between them. To be used in a ``with`` statement.

    Everything is gone at its end, and also when this process dies: the guests are told of its death by the
    kernel, the network has no name, and the server's disk lies in a temporary folder.
    """

    def __init__(self, *, client_mb: int = 1536) -> None:
        """Nothing runs yet.

        Args:
            client_mb: Memory of a client, in MB: two trials with torch want more than 768.

        Raises:
            GuestError: Something is missing on this machine.
        """
        missing = what_is_missing()
        if missing:
            raise GuestError(f"The NFS laboratory cannot run here: {'; '.join(missing)}.")
        self.state = Path(tempfile.mkdtemp(prefix="nfs-laboratory-"))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._interpreters: dict[str, list[Interpreter]] = {name: [] for name in (SERVER, *CLIENTS)}
        self._memory_mb = dict.fromkeys(CLIENTS, client_mb) | {SERVER: _SERVER_MB}
        self.network = Network((SERVER, *CLIENTS))

    def __enter__(self) -> Self:
        try:
            for name in (SERVER, *CLIENTS):
                self._make_disk(name)
                self.start(name)
            for name in (SERVER, *CLIENTS):
                self.wait_until_up(name)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the guests and remove all that was made for them."""
        with ExitStack() as last_things:  # each is done, whatever becomes of the others; the last first
            last_things.callback(shutil.rmtree, self.state)
            last_things.callback(self.network.close)
            for name in self._processes:
                last_things.callback(self.kill, name)

    def _make_disk(self, name: str) -> None:
        with self._disk(name).open("wb") as disk:
            disk.truncate(_DISK_MB[name] << 20)
        command = ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", disk.name]
        subprocess.run(command, check=True, env={**os.environ, "PATH": _PATH})

    def start(self, name: str) -> None:
        """Start a guest that is not running. It has the same disk each time."""
        settings = {
            "name": name,
            "is_server": name == SERVER,
            "data_address": f"{DATA}.{number_of(name)}",
            "control_address": f"{CONTROL}.{number_of(name)}",
            "lease_seconds": LEASE_SECONDS,
        }
        file = self.state / f"{name}.json"
        file.write_text(json.dumps(settings), "utf-8")
        with self._log(name).open("wb") as log:
            self._processes[name] = self.network.inside(
                subprocess.Popen,
                self._command(name, file),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": _PATH},
            )

    def _command(self, name: str, settings: Path) -> list[str]:
        return [
            # The kernel kills it when our thread in the network's namespace ends. Its dozens of processes get
            # a process namespace of their own, so that the kernel also buries them: PID 1 here may not.
            *("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"),
            *("linux.uml", f"mem={self._memory_mb[name]}M", "quiet"),
            *("root=/dev/root", "rootfstype=hostfs", "ro", f"init={Path(sys.executable).resolve()}"),
            f"ubd0={self._disk(name)}",
            *(f"uml_dir={self.state}/uml/", f"umid={name}", "con=null", "con0=null,fd:1"),
            *(
                f"vec{number}:transport=tap,ifname={tap}-{name},depth=128,gro=1"
                f",mac={hardware_address(name, network=network)}"
                for number, (tap, network) in enumerate((("n", DATA), ("c", CONTROL)))
            ),
            *(
                f"PYTHONPATH={REPOSITORY}:{REPOSITORY}/src",
                "--",
                "-S",
                "-u",
                "-m",
                "tests.nfs.lab.guest",
                str(settings),
            ),
        ]

    def _disk(self, name: str) -> Path:
        return self.state / f"{name}.disk"

    def _log(self, name: str) -> Path:
        return self.state / f"{name}.log"

    def wait_until_up(self, name: str) -> None:
        """Return when a guest that was started answers."""

        def answers() -> bool:
            if self._processes[name].poll() is not None or b"GUEST FAILED" in self._log(name).read_bytes():
                raise GuestError(f"{name} did not start:\n{self._log(name).read_text(errors='replace')}")
            with suppress(OSError):
                self.network.connect(name, timeout=0.3).close()
                return True
            return False

        until(answers, what=f"{name} is up", timeout=_BOOT_SECONDS)

    def kill(self, name: str) -> None:
        """Cut a guest's power."""
        for interpreter in self._interpreters[name]:
            interpreter.close()
        self._interpreters[name].clear()
        process = self._processes.pop(name)
        # The kernel inside, whose end its parent, unshare, then waits for.
        for kernel in _children_of(process.pid):
            with suppress(ProcessLookupError):
                os.kill(kernel, signal.SIGKILL)
        try:
            process.wait(_DEATH_SECONDS)
        finally:
            process.kill()

    def process_ids(self) -> set[int]:
        """The processes whose end is the end of the guests."""
        parents = [process.pid for process in self._processes.values()]
        return {child for parent in parents for child in _children_of(parent)}

    def is_running(self, name: str) -> bool:
        """Whether a guest has power."""
        return name in self._processes

    def shell(self, name: str, command: str, *, timeout: float = 60) -> str:
        """Run a shell command in a guest and return what it printed."""
        code, output = run(lambda: self.network.connect(name), ["/bin/sh", "-c", command], timeout=timeout)
        if code:
            raise GuestError(f"{name}: {command!r} ended with {code}:\n{output}")
        return output

    def interpreter(self, name: str) -> Interpreter:
        """Start a Python process in a guest; it ends with the laboratory at the latest."""
        interpreter = Interpreter(lambda: self.network.connect(name))
        self._interpreters[name].append(interpreter)
        return interpreter

    def mount(self, name: str, folder: str, *, version: str, options: str = "") -> None:
        """Mount what the server exports, with the options that NFS has by default and these."""
        source = f"{DATA}.{number_of(SERVER)}:{EXPORT if version == '3' else '/'}"
        chosen = ",".join(filter(None, (f"vers={version}", options)))
        self.shell(name, f"mkdir -p {folder} && mount -t nfs -o {chosen} {source} {folder}")

    def unmount(self, name: str, folder: str) -> None:
        """Undo `mount`."""
        self.shell(name, f"umount {folder}")


def _children_of(process_id: int) -> list[int]:
    try:
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text("ascii")
    except FileNotFoundError:
        return []
    return [int(child) for child in children.split()]


def until(condition: Callable[[], bool], *, what: str, timeout: float = 30) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: It did not come to hold in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s until {what}")
        time.sleep(0.01)


def what_is_missing() -> list[str]:
    """All that this machine lacks for a laboratory, as phrases; nothing if it has all."""
    missing = [] if os.geteuid() == 0 else ["it needs to be root"]
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        missing.append("/dev/net/tun is missing or closed")
    packages = sorted(
        {package for program, package in _NEEDED.items() if not shutil.which(program, path=_PATH)}
    )
    if packages:
        missing.append(f"not installed: {', '.join(packages)} (tests/nfs/lab/install.sh installs them)")
    return missing
