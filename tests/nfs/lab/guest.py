"""PID 1 of a guest: makes the machine ready, then runs what the host asks for over the control network.

Started by the kernel as ``python -S -u -m tests.nfs.lab.guest SETTINGS.json``. A connection to the control
port sends one JSON line, ``{"command": [...], "folder": ..., "timeout": ...}``. With a timeout, the exit code
and the output come back as one JSON line; without one, the command gets the connection as its standard input.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from tests.nfs.lab.machine import bring_up, load_module, module_folder, mount

CONTROL_PORT = 7070
EXPORT = "/run/export/data"
# Outside of what is exported: fills the disk that the clients' files lie on.
SERVER_ONLY = "/run/export/server"

_NO_ATIME, _BIND = 1024, 4096
# What a machine knows of those whose locks it has or who have its own; on a disk, as that of any machine.
_STATE = "/var/lib/nfs"
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/run/home",
    "LANG": "C.UTF-8",
    "TMPDIR": "/run/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
}
_MODPROBE = '#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n'


# Any: settings are JSON, written by laboratory.py.
def main(settings: dict[str, Any]) -> None:
    """Make the machine ready and serve for ever."""
    os.environ.update(_ENVIRONMENT)
    _make_ready(settings)
    if settings["is_server"]:
        _serve_nfs(lease_seconds=settings["lease_seconds"])
    else:
        for module in ("nfsv4", "nfsv3"):
            load_module(module)
        mount("ext4", "/dev/ubda", _STATE, flags=_NO_ATIME)
        _run("rpcbind")
        _watch_one_another()
    control = socket.create_server((settings["control_address"], CONTROL_PORT), backlog=64)
    while True:
        connection, _ = control.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _make_ready(settings: dict[str, Any]) -> None:
    for kind, target in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/mnt")):
        mount(kind, kind, target)
    for target in ("/dev/shm", "/tmp"):
        mount("tmpfs", "tmpfs", target)
    for folder in ("/run/tmp", "/run/home", "/run/modules/lib", "/run/rpcbind", "/run/lock"):
        Path(folder).mkdir(parents=True)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        if not os.path.lexists(f"/dev/{name}"):
            Path("/dev", name).symlink_to(f"/proc/self/fd{target}")
    # The kernel asks for modules by itself, where it has none of the usual folder.
    Path("/run/modules/lib/modules").symlink_to(module_folder().parent)
    Path("/run/modprobe").write_text(_MODPROBE, "ascii")
    Path("/run/modprobe").chmod(0o755)
    Path("/proc/sys/kernel/modprobe").write_text("/run/modprobe", "ascii")
    socket.sethostname(settings["name"])
    bring_up("lo")
    bring_up("vec0", settings["data_address"])
    bring_up("vec1", settings["control_address"])
    load_module("sunrpc")
    mount("rpc_pipefs", "rpc_pipefs", "/run/rpc_pipefs")


def _watch_one_another() -> None:
    """Tell those whom this machine had locks with that it was away: NFSv3 frees or renews them only then."""
    state = Path(_STATE)
    for folder in ("sm", "sm.bak", "v4recovery", "nfsdcld"):
        (state / folder).mkdir(exist_ok=True)
    for file in ("etab", "rmtab", "state"):
        (state / file).touch()
    # rpc.statd gives its rights up and becomes the owner of its folder.
    users = (line.split(":") for line in Path("/etc/passwd").read_text("utf-8").splitlines())
    for owner in (int(user[2]) for user in users if user[0] == "statd"):
        for path in (state, state / "sm", state / "sm.bak", state / "state"):
            os.chown(path, owner, -1)
    _run("rpc.statd", "--no-notify")
    _run("sm-notify")


def _serve_nfs(*, lease_seconds: int) -> None:
    load_module("nfsd")
    mount("ext4", "/dev/ubda", "/run/export", flags=_NO_ATIME)
    Path(EXPORT).mkdir(exist_ok=True)
    Path(EXPORT).chmod(0o1777)
    # What the server knows of its clients outlives it: they can take up their files after its restart.
    Path(SERVER_ONLY, "state").mkdir(parents=True, exist_ok=True)
    mount("", f"{SERVER_ONLY}/state", _STATE, flags=_BIND)
    mount("nfsd", "nfsd", "/proc/fs/nfsd")
    for setting in ("nfsv4leasetime", "nfsv4gracetime"):
        Path("/proc/fs/nfsd", setting).write_text(str(lease_seconds), "ascii")
    load_module("lockd")
    Path("/proc/sys/fs/nfs/nlm_grace_period").write_text(str(lease_seconds), "ascii")
    _run("rpcbind")
    (Path(_STATE) / "nfsdcld").mkdir(exist_ok=True)
    _run("nfsdcld")
    _watch_one_another()
    options = "rw,sync,no_subtree_check,no_root_squash,insecure,fsid=0"
    _run("exportfs", "-i", "-o", options, f"*:{EXPORT}")
    _run("rpc.mountd")
    _run("rpc.nfsd", "-G", str(lease_seconds), "-L", str(lease_seconds), "8")


def _run(*command: str) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


def _serve(connection: socket.socket) -> None:
    with connection:
        line = _line(connection)
        if not line:
            return  # the host only wanted to know whether we are up
        request = json.loads(line)
        command, folder, timeout = request["command"], request["folder"], request["timeout"]
        if timeout is None:
            # No reply: from here on the process itself talks with the host.
            subprocess.run(command, cwd=folder, stdin=connection.fileno(), stdout=sys.stderr, check=False)
        else:
            connection.sendall(json.dumps(_outcome(command, folder, timeout=timeout)).encode() + b"\n")


def _outcome(command: list[str], folder: str, *, timeout: float) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return 124, f"{error.output}\nended after {timeout} s"
    return done.returncode, done.stdout


def _line(connection: socket.socket) -> bytes:
    # Byte by byte: what follows the line is for the command.
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        line += byte
    return line


if __name__ == "__main__":
    try:
        main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    except BaseException:
        # The kernel would panic without a word if PID 1 ended; the host finds this in the guest's log.
        traceback.print_exc()
        print("GUEST FAILED", flush=True)
        time.sleep(3600)
        raise
