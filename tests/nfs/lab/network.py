"""A network that nobody else sees: two bridges in a namespace without a name, entered by one thread only.

The namespace belongs to that thread and to the guests that it starts, and is gone when they are; laboratories
cannot collide. One bridge carries NFS and can be cut, the other carries control and never is.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from tests.nfs.lab.guest import CONTROL_PORT

P = ParamSpec("P")
T = TypeVar("T")

DATA, CONTROL = "10.77.0", "10.78.0"
_CLONE_NEWNET = 0x40000000


def number_of(guest: str) -> int:
    """The last byte of a guest's addresses."""
    return 2 if guest == "server" else 10 + int(guest.removeprefix("c"))


def hardware_address(guest: str, *, network: str) -> str:
    """Always the same: with random ones a restarted guest is deaf until the others forget its old one."""
    return f"02:{network.split('.')[1]}:00:00:00:{number_of(guest):02x}"


class Network:
    """The bridges, and a tap on each for every guest."""

    def __init__(self, guests: Iterable[str]) -> None:
        self._guests = tuple(guests)
        self._deaf: set[str] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nfs-network")
        self.inside(_enter_new_namespace)
        lines = ["link set lo up"]
        for bridge, network in (("br-nfs", DATA), ("br-ctl", CONTROL)):
            lines += [f"link add {bridge} type bridge", f"addr add {network}.1/24 dev {bridge}"]
            lines += [f"link set {bridge} up"]
        for guest in self._guests:
            for tap, bridge in ((f"n-{guest}", "br-nfs"), (f"c-{guest}", "br-ctl")):
                lines += [f"tuntap add dev {tap} mode tap", f"link set {tap} master {bridge} up"]
        self._configure("ip", *lines)

    def inside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the namespace; sockets and processes that it makes are in it for good."""
        return self._thread.submit(function, *args, **kwargs).result()

    def connect(self, guest: str, *, timeout: float = 10) -> socket.socket:
        """Connect to a guest's control port."""
        address = (f"{CONTROL}.{number_of(guest)}", CONTROL_PORT)
        connection = self.inside(socket.create_connection, address, timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def cut(self, guest: str) -> None:
        """Let no NFS packet pass to or from a guest."""
        # Never by setting the tap down: the guest's driver would give up for good.
        self._configure("ip", f"link set n-{guest} nomaster")

    def deafen(self, guest: str) -> None:
        """Let what a guest sends pass, and nothing that is sent to it: requests arrive, replies are lost."""
        if guest not in self._deaf:
            self._configure("bridge", f"fdb replace {self._wrong_way(guest)} static sticky")
            self._deaf.add(guest)

    def heal(self, guest: str) -> None:
        """Undo `cut` and `deafen`."""
        self._configure("ip", f"link set n-{guest} master br-nfs")
        if guest in self._deaf:
            self._configure("bridge", f"fdb del {self._wrong_way(guest)}")
            self._deaf.remove(guest)

    def _wrong_way(self, guest: str) -> str:
        other = next(name for name in self._guests if name not in {guest, "server"})
        return f"{hardware_address(guest, network=DATA)} dev n-{other} master"

    def _configure(self, program: str, *lines: str) -> None:
        done = self.inside(
            subprocess.run,
            [program, "-batch", "-"],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OSError(f"{program}: {done.stderr.strip()}")

    def close(self) -> None:
        """End the thread, and with the last guest the namespace."""
        self._thread.shutdown()


def _enter_new_namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"a network namespace of its own: {os.strerror(number)}")
