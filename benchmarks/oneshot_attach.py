"""A thousand sub-networks of one stored supernet, judged in several processes: their memory and their time.

Each process attaches the supernet to its stored file, runs its sub-networks in turn, and keeps the last one.
Memory is the kernel's word (``/proc/PID/smaps``): *clean* pages of the file are shared by all that map it.

Usage: ``python benchmarks/oneshot_attach.py --report benchmarks/results/NAME.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

import heredity as hd
from heredity.oneshot import (
    Elastic,
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
    Repeat,
    space_of,
)
from heredity.oneshot.deriving import attach
from heredity.oneshot.sampled import recalibrated

Seen = dict[str, Any]  # Any: numbers by name
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")
_MARKS = (0, 1, 10, 100, 200, 500, 1000)


def main() -> None:
    """Save a supernet, judge it in processes of their own, write the page."""
    options = _options()
    torch.set_num_threads(1)
    if options.store:
        _judge(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        supernet = build()
        hd.save(hd.open_store(folder), supernet, key="supernet")
        size = sum(p.numel() * p.element_size() for p in supernet.parameters())
        largest = max(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        command = [sys.executable, __file__, "--networks", str(options.networks), "--store", folder]
        started = [
            subprocess.Popen(
                [*command, "--seed", str(seed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for seed in range(options.processes)
        ]
        rows = [_told(process) for process in started]
        together = [pages(process.pid, folder) for process in started]
        for process in started:
            process.communicate("end\n", timeout=60)
    text = page(options, rows, together, sizes=(size, largest))
    print(text)
    if options.report:
        options.report.write_text(text)


def build() -> nn.Module:
    """About 39 MB: six layers of up to 512 channels, kernels of 1 or 3, widths of 128 to 512."""
    layers: list[nn.Module] = [ElasticConv2d(3, _width(0), 3, stride=4)]
    for number in range(4):
        layers += [_block(number), nn.ReLU()]
    tail = Repeat(
        lambda _: nn.Sequential(ElasticConv2d(_width(4), _width(4), 1), nn.ReLU()),
        low=1,
        high=3,
        label="depth",
    )
    return nn.Sequential(*layers, tail, nn.AdaptiveAvgPool2d(1), nn.Flatten(), ElasticLinear(_width(4), 10))


def _width(number: int) -> Elastic:
    return Elastic((128, 256, 512), label=f"width{number}")


def _block(number: int) -> nn.Module:
    kernel = Elastic((1, 3), label=f"kernel{number}")
    convolution = ElasticConv2d(_width(number), _width(number + 1), kernel, bias=False)
    return nn.Sequential(convolution, ElasticBatchNorm2d(_width(number + 1)))


def _judge(options: argparse.Namespace) -> None:
    """In a process of its own: attach, judge, tell what was seen, wait to be looked at."""
    supernet = build()
    before = _read_bytes()
    attach(supernet, hd.open_store(options.store)["supernet"])
    space, rng, x = space_of(supernet), random.Random(options.seed), torch.randn(2, 3, 16, 16)
    seen: list[Seen] = []
    begun = time.process_time()
    for number in range(options.networks + 1):
        if number in {*_MARKS, options.networks}:
            about = pages(os.getpid(), options.store)
            seen.append({"networks": number, "cpu_seconds": time.process_time() - begun, **about})
        if number == options.networks:
            break
        network = recalibrated(supernet, space.sample(rng), [x])
        with torch.no_grad():
            network(x)
    print(json.dumps({"seen": seen, "read": _read_bytes() - before}), flush=True)
    sys.stdin.readline()


def pages(pid: int, folder: str) -> Seen:
    """What a process has of the store's files and in all, in MB; by the kernel's word."""
    found = dict.fromkeys(("file_rss", "file_pss", "file_dirty", "private"), 0.0)
    is_ours = False
    for line in Path(f"/proc/{pid}/smaps").read_text("utf-8").splitlines():
        if _MAPPING.match(line):
            is_ours = folder in line
            continue
        name, _, rest = line.partition(":")
        if name == "Private_Dirty":
            found["file_dirty" if is_ours else "private"] += _megabytes(rest)
        elif is_ours and name in ("Rss", "Pss"):
            found[f"file_{name.lower()}"] += _megabytes(rest)
    return found


def _megabytes(kibibytes: str) -> float:
    return int(kibibytes.split(maxsplit=1)[0]) * 1.024e-3


def _read_bytes() -> int:
    """What this process has asked the system to read; what is mapped is not among it."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text("utf-8").splitlines())
    return int(fields["rchar"])


def _told(process: subprocess.Popen[str]) -> Seen:
    assert process.stdout is not None
    told: Seen = json.loads(process.stdout.readline())
    return told


def page(
    options: argparse.Namespace, rows: list[Seen], together: list[Seen], *, sizes: tuple[int, int]
) -> str:
    """The result as Markdown."""
    about = (
        f"A supernet of {sizes[0] / 1e6:.1f} MB of parameters, stored in a file of {sizes[1] / 1e6:.1f} MB; "
        f"{options.processes} processes attach it at the same time and judge {options.networks} random "
        "sub-networks each, with statistics of batch normalization taken anew. Memory in MB by "
        f"`/proc/PID/smaps`; torch {torch.__version__}, one thread each."
    )
    lines = [
        "# A thousand sub-networks of one stored supernet",
        "",
        about,
        "",
        "| process | networks | CPU seconds | of the file resident | of it written to | private, all of it |",
        "|---|---|---|---|---|---|",
    ]
    for number, row in enumerate(rows):
        lines += [
            f"| {number} | {at['networks']} | {at['cpu_seconds']:.1f} | {at['file_rss']:.1f} "
            f"| {at['file_dirty']:.1f} | {at['private']:.1f} |"
            for at in row["seen"]
        ]
    read = ", ".join(f"{row['read'] / 1e6:.1f}" for row in rows)
    shares = ", ".join(f"{at['file_pss']:.1f}" for at in together)
    rss = ", ".join(f"{at['file_rss']:.1f}" for at in together)
    total = sum(at["file_pss"] for at in together)
    at_the_end = (
        f"At the end, all processes alive: of the file each has {rss} MB resident, and its proportional "
        f"share (PSS) is {shares} MB: {total:.1f} MB in all."
    )
    by_calls = f"By read calls the processes have read {read} MB in all, from `attach` to the end."
    lines += ["", at_the_end, "", by_calls, ""]
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--store", help="judge that store's supernet here")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
