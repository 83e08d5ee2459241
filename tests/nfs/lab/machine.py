"""What a guest asks of its own kernel: mounts, modules and network interfaces, without forking.

A fork and exec costs 20 to 100 ms under User-mode Linux; an init in shell took 16 s where this takes 1 s.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from functools import cache
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_FINIT_MODULE = 313  # its number on x86-64
_SET_ADDRESS, _SET_NETMASK, _GET_FLAGS, _SET_FLAGS = 0x8916, 0x891C, 0x8913, 0x8914
_IS_UP = 1


def mount(kind: str, source: str, target: str | Path, *, options: str = "", flags: int = 0) -> None:
    """Mount a file system; the target is made if it is absent."""
    Path(target).mkdir(parents=True, exist_ok=True)
    arguments = [text.encode() or None for text in (source, str(target), kind)]
    if _LIBC.mount(*arguments, flags, options.encode() or None):
        raise _last_error(f"mounting {kind or source} at {target}")


def load_module(name: str) -> None:
    """Insert a kernel module after those that it needs; nothing if it is there or built in."""
    path = _module_paths().get(name)
    if path is not None:
        for needed in reversed(_dependencies()[path]):
            _insert(needed)
        _insert(path)


def bring_up(interface: str, address: str | None = None) -> None:
    """Give a network interface its address, in a network of 256, and switch it on."""
    name = interface.encode().ljust(16, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        if address is not None:
            fcntl.ioctl(control, _SET_ADDRESS, name + _socket_address(address))
            fcntl.ioctl(control, _SET_NETMASK, name + _socket_address("255.255.255.0"))
        (flags,) = struct.unpack_from("h", fcntl.ioctl(control, _GET_FLAGS, name + bytes(24)), 16)
        fcntl.ioctl(control, _SET_FLAGS, name + struct.pack("h22x", flags | _IS_UP))


def module_folder() -> Path:
    """Where the modules of the running kernel lie."""
    return Path("/usr/lib/uml/modules") / os.uname().release


@cache
def _dependencies() -> dict[str, list[str]]:
    lines = (module_folder() / "modules.dep").read_text("ascii").splitlines()
    return {path: needed.split() for path, _, needed in (line.partition(":") for line in lines)}


@cache
def _module_paths() -> dict[str, str]:
    return {Path(path).stem.replace("-", "_"): path for path in _dependencies()}


@cache
def _insert(path: str) -> None:
    file = os.open(module_folder() / path, os.O_RDONLY)
    try:
        if _LIBC.syscall(_FINIT_MODULE, file, b"", 0) and ctypes.get_errno() != errno.EEXIST:
            raise _last_error(f"inserting {path}")
    finally:
        os.close(file)


def _socket_address(address: str) -> bytes:
    return struct.pack("HH4s16x", socket.AF_INET, 0, socket.inet_aton(address))


def _last_error(doing: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{doing}: {os.strerror(number)}")
