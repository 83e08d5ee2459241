"""What every backend must do, a directory does on NFS."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from tests.nfs.site import Share

pytestmark = pytest.mark.nfs

ALL = Path(__file__).with_name("on_mount.py")


def test_the_suite_of_every_backend_passes_on_the_mount(share: Share) -> None:
    options = f"-q -p no:cacheprovider -p no:randomly -p no:xdist --basetemp={share.root}/tmp"
    printed = share.site.laboratory.shell("c1", f"{sys.executable} -m pytest {options} {ALL}", timeout=120)
    print(f"NFS {share.version}:", printed.splitlines()[-1])
    assert int(re.findall(r"(\d+) passed", printed)[0]) >= 20
