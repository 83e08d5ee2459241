"""What is put or read in bulk takes its own memory, and little beside."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.objects.servers import S3Server

pytestmark = pytest.mark.s3

MEGABYTES = 160
# What is fetched at a time (64 MB), and what the allocators of two languages keep.
BESIDE = 64 + 48

_PROGRAM = """
import re, sys
from heredity.store.backends.objects import BucketClient, BucketLocation, ObjectBackend

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

backend = ObjectBackend(BucketClient(BucketLocation.from_url(sys.argv[1]), {options}), url=sys.argv[1])
backend.exists("a/y")
size = {megabytes} << 20
if sys.argv[2] == "put":
    content = [bytearray(size // 16) for _ in range(16)]
    before = peak()
    backend.put_once("a/x", content)
else:
    before = peak()
    blob = backend.open("a/x")
    tensors = blob.read_ranges([(start, start + (1 << 20)) for start in range(0, size, 1 << 20)])
    assert sum(tensor.nbytes for tensor in tensors) == size
print(peak() - before)
"""


def test_bulk_takes_its_own_memory_and_little_beside(moto: S3Server) -> None:
    url = moto.new_url()
    program = _PROGRAM.format(options=moto.options, megabytes=MEGABYTES)
    for doing in ("put", "read"):
        command = [sys.executable, "-c", program, url, doing]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        took = int(done.stdout)
        assert took <= MEGABYTES + BESIDE, doing
