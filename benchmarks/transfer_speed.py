"""How long inheritance takes, and what memory: a wider ResNet-50, a transformer of a billion parameters.

For each: seconds of tracing both networks, planning and applying, beside copying the child's bytes once; and
the memory that applying takes beyond parent and child. One thread. Sides take turns; medians of the rounds.

Usage: ``python benchmarks/transfer_speed.py --report benchmarks/results/NAME.md`` (``--tiny`` only to see
whether it works). Needs `transformers`.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
import transformers
from torch import nn

from heredity.transfer import apply, plan_transfer, trace


@dataclass(frozen=True)
class Case:
    """One pair to measure: how to make both, what to trace them on, and how to grow."""

    name: str
    parent: Callable[[], nn.Module]
    child: Callable[[], nn.Module]
    inputs: tuple[torch.Tensor, ...]
    noise: float
    growth: Literal["copy", "fresh"]


@dataclass(frozen=True)
class Row:
    """What was measured; seconds are medians."""

    name: str
    million_parameters: float
    million_in_parent: float
    trace_parent_seconds: float
    trace_child_seconds: float
    plan_seconds: float
    apply_seconds: float
    copy_seconds: float
    child_bytes: int
    extra_bytes: int
    certificate: str


class First(nn.Module):
    """A network whose first result alone counts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        result: torch.Tensor = self.network(x).logits
        return result


def resnet50(width: int) -> nn.Module:
    """A ResNet-50 whose first stage has so many channels; 64 are the usual ones."""
    config = transformers.ResNetConfig(
        embedding_size=width,
        hidden_sizes=[4 * width, 8 * width, 16 * width, 32 * width],
        depths=[3, 4, 6, 3],
        layer_type="bottleneck",
    )
    config.num_labels = 1000
    return First(transformers.ResNetForImageClassification(config)).eval()


def llama(*, width: int, heads: int, inner: int, depth: int, vocabulary: int) -> nn.Module:
    """A Llama of bfloat16 numbers, without touching more memory than its own."""
    config = transformers.LlamaConfig(
        hidden_size=width,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=inner,
        num_hidden_layers=depth,
        vocab_size=vocabulary,
        use_cache=False,
    )
    with torch.device("meta"):
        network = nn.Module.to(transformers.LlamaForCausalLM(config), torch.bfloat16)
    rotary = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**{**config.to_dict(), "num_hidden_layers": 0, "vocab_size": 8})
    ).model.rotary_emb
    network.to_empty(device="cpu")
    network.model.rotary_emb = rotary
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.empty(()).normal_().to(torch.bfloat16).expand_as(parameter))
    return First(network).eval()


def cases(*, tiny: bool) -> list[Case]:
    """What is measured."""
    images, tokens = torch.zeros(1, 3, 224, 224), torch.zeros(1, 8, dtype=torch.long)
    small, large = (16, 20) if tiny else (64, 80)
    growths: tuple[Literal["fresh", "copy"], ...] = ("fresh", "copy")
    size = {"width": 64, "inner": 96, "depth": 1, "heads": 2, "vocabulary": 100}
    if not tiny:
        size = {"width": 1024, "inner": 2816, "depth": 16, "heads": 16, "vocabulary": 32000}
    wide = {**size, "width": 2 * size["width"], "heads": 2 * size["heads"], "inner": 2 * size["inner"]}
    grown = dict(wide, inner=3 * size["inner"], depth=size["depth"] + 2)
    found = [
        Case(
            f"ResNet-50, {small} to {large} channels, {growth}",
            lambda: resnet50(small),
            lambda: resnet50(large),
            (images,),
            0.5,
            growth,
        )
        for growth in growths
    ]
    name = "Llama, width x2, depth +2, noise"
    return found + [
        Case(f"{name} {noise:g}", lambda: llama(**size), lambda: llama(**grown), (tokens,), noise, "fresh")
        for noise in (0.0, 0.5)
    ]


def measured(case: Case, *, rounds: int) -> Row:
    """Measure one pair, all sides in turn."""
    torch.manual_seed(0)
    parent, child = case.parent(), case.child()
    tensors = parent.state_dict()
    seconds: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], object]) -> object:
        start = time.process_time()
        result = work()
        seconds.setdefault(name, []).append(time.process_time() - start)
        return result

    graphs = [trace(parent, case.inputs), trace(child, case.inputs)]  # torch.export warms its caches
    plan = plan_transfer(*graphs, growth=case.growth, noise=case.noise)
    apply(plan, tensors, child)
    extra = _extra_bytes(lambda: apply(plan, tensors, child))
    targets = [tensor.detach() for tensor in child.state_dict().values()]
    sources = [torch.ones_like(tensor) for tensor in targets]
    for _ in range(rounds):
        timed("trace parent", lambda: trace(parent, case.inputs))
        timed("trace child", lambda: trace(child, case.inputs))
        timed("plan", lambda: plan_transfer(*graphs, growth=case.growth, noise=case.noise))
        timed("apply", lambda: apply(plan, tensors, child))
        timed("copy", lambda: [target.copy_(source) for target, source in zip(targets, sources, strict=True)])
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return Row(
        case.name,
        sum(p.numel() for p in child.parameters()) / 1e6,
        sum(p.numel() for p in parent.parameters()) / 1e6,
        medians["trace parent"],
        medians["trace child"],
        medians["plan"],
        medians["apply"],
        medians["copy"],
        sum(tensor.nbytes for tensor in targets),
        extra,
        str(plan.certificate).partition("\n")[0],
    )


def _extra_bytes(work: Callable[[], object]) -> int:
    """How much the resident memory grows at its highest while something runs."""
    highest = before = _resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.002):
            highest = max(highest, _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return highest - before


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def page(rows: list[Row]) -> str:
    """The page with the results."""
    lines = [
        "# How long inheritance takes",
        "",
        f"torch {torch.__version__}, transformers {transformers.__version__}; one thread, medians",
        "",
        "| pair | parameters | trace both | plan | apply | copying | apply / copy | memory | certificate |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.million_in_parent:.0f} to {row.million_parameters:.0f} million "
        f"| {row.trace_parent_seconds:.2f}, {row.trace_child_seconds:.2f} | {row.plan_seconds:.2f} "
        f"| {row.apply_seconds:.2f} | {row.copy_seconds:.2f} | {row.apply_seconds / row.copy_seconds:.2f} "
        f"| {row.extra_bytes / row.child_bytes:.1%} of the child | {row.certificate} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--report", type=Path, required=True, help="the page to write; JSON goes beside it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="only see whether it works, in seconds")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measured(case, rounds=options.rounds) for case in cases(tiny=options.tiny)]
    options.report.with_suffix(".json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    options.report.write_text(page(rows))


if __name__ == "__main__":
    main()
