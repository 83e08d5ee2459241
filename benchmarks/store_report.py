"""The page on a run of `store_files`: targets first, then all numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store_models import MODELS
from store_plots import plot_all

Results = Mapping[str, Any]  # Any: plain data, as it lies in the JSON file
Lines = Iterator[str]

OURS = "heredity"
READING = "## Reading"
LABELS = {
    "heredity": "**Heredity**",
    "heredity, 90 % unchanged": "**Heredity**, 90 % of the bytes are the parent's",
    "heredity, all unchanged": "**Heredity**, all bytes are the parent's",
    "writev": "nothing but `writev` and both syncs",
    "safetensors": "safetensors",
    "safetensors, directory synced": "safetensors, directory synced too",
    "torch": "`torch.save`",
    "torch, directory synced": "`torch.save`, directory synced too",
    "torch, no CRC": "`torch.save` without its CRC",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at: a number, and how high it may be."""

    what: str
    measured: float
    of_medians: float | None
    limit: float
    unit: str = "×"

    def row(self) -> str:
        other = "" if self.of_medians is None else f"{self.of_medians:.2f}"
        verdict = "pass" if self.measured <= self.limit else "**miss**"
        return (
            f"| {self.what} | ≤ {self.limit:g} {self.unit} | {self.measured:.2f} {self.unit} | {other} "
            f"| {verdict} |"
        )


def write_report(path: Path, results: Results) -> None:
    """Write the page and its plots; what was written by hand at its end stays."""
    old = path.read_text() if path.exists() else ""
    reading = old[old.index(READING) :] if READING in old else f"{READING}\n\nNot written yet.\n"
    plots = plot_all(results, path)
    page = "\n".join([*_head(results), *_targets(results), *_body(results, plots)])
    path.write_text(f"{page}\n\n{reading}")


def _head(results: Results) -> Lines:
    parts = {name: part["machine"] for name, part in results.items() if name != "orbax"}
    first = next(iter(parts.values()))
    versions = ", ".join(f"{name} {version}" for name, version in first["versions"].items())
    loads = "; ".join(f"{name} {part['load_before']} to {part['load_after']}" for name, part in parts.items())
    yield "# Saving and loading weights, beside the peers\n"
    yield (
        f"{first['date']}, {first['architecture']}, {first['cores']} cores, Linux {first['linux']}, Python "
        f"{first['python']}, {versions}, Orbax {results['orbax'] or 'left out'}. Load of the machine at the "
        f"beginning and end of each part: {loads}.\n"
    )
    yield (
        "All sides take turns in one run, in another order each round; all sync what they write; page "
        "cache warm; one thread. `os.sync()` before each measurement, so that none pays for another. "
        "Heredity hashes all it saves, twice, and syncs file and directory; its store object is opened anew "
        "for each call and remembers nothing. DCP runs in a single process with one synced file. Orbax takes "
        "numpy arrays, in a process of its own, without compression (faster here), and syncs by itself.\n"
    )
    yield "`python benchmarks/store_files.py --report benchmarks/results/NAME.md` repeats it.\n"


def ratio(times: Results, name: str, reference: str) -> tuple[float, float]:
    """The median of the ratios within each round, and the ratio of the medians."""
    ours, peer = times[name], times[reference]
    each = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    return each, statistics.median(ours) / statistics.median(peer)


def _targets(results: Results) -> Lines:
    yield "## Targets\n"
    yield "| | target | measured | ratio of medians | |"
    yield "|---|---|---|---|---|"
    for target in (*_time_targets(results), *_memory_targets(results), *_wait_targets(results)):
        yield target.row()
    yield ""
    yield "Where two times are compared, *measured* is the median of the ratios within each round."


def _time_targets(results: Results) -> Iterator[Target]:
    for model, times in _models(results):
        limit = 1.2 if model == "small" else 1.1
        for reference, label in (
            ("safetensors", "safetensors"),
            ("safetensors, directory synced", "the same, directory synced too"),
        ):
            saves = times["save"]
            yield Target(f"{model}: save cold / {label}", *ratio(saves, OURS, reference), limit)
            child = ratio(saves, f"{OURS}, 90 % unchanged", reference)
            yield Target(f"{model}: save, 90 % unchanged / {label}", *child, 0.3)
        for what, name, reference, limit in _LOAD_TARGETS:
            yield Target(f"{model}: {what}", *ratio(times["load"], name, reference), limit)


_LOAD_TARGETS = (
    ("load all / `load_file`", "heredity: all", "safetensors: all", 1.0),
    ("load all, every page touched / the same", "heredity: all, touched", "safetensors: all, touched", 1.0),
    ("load all, verified / `torch.load`", "heredity, verified: all, touched", "torch: all, touched", 0.2),
    ("load a tenth of the tensors / all", "heredity: a tenth", "heredity: all", 0.3),
    (
        "load a tenth of the tensors, verified / all",
        "heredity, verified: a tenth",
        "heredity, verified: all",
        0.3,
    ),
)


def _memory_targets(results: Results) -> Iterator[Target]:
    if "memory" in results:
        size = MODELS[results["memory"]["model"]].size_bytes
        for do in ("save", "load"):
            for side, peak in results["memory"][do].items():
                if side.startswith(OURS):
                    what = f"memory to {do}, beyond the model ({side})"
                    beyond = peak["resident"] / size - (do == "load")
                    yield Target(what, max(0.0, beyond), None, 1.1, "models")
    if "sharing" in results:
        rows = results["sharing"]["sides"][OURS]
        size = MODELS[results["sharing"]["model"]].size_bytes
        total = sum(row["Pss"] for row in rows) / size
        yield Target(f"{len(rows)} processes with one checkpoint, in all", total, None, 1.1, "models")


def _wait_targets(results: Results) -> Iterator[Target]:
    if "waits" in results:
        median = 1000 * statistics.median(results["waits"]["after_link"])
        yield Target("`wait`, median after the name is there", median, None, 2.0, "ms")


def _models(results: Results) -> Iterator[tuple[str, Results]]:
    for name, times in results.get("times", {}).items():
        if name != "machine":
            yield name, times


def _body(results: Results, plots: Mapping[str, str]) -> Lines:
    for name, times in _models(results):
        model = MODELS[name]
        yield (
            f"\n## {model.title[0].upper()}{model.title[1:]}: {len(model.shapes)} fp32 tensors, "
            f"{model.size_bytes / 1e6:.1f} MB\n"
        )
        yield f"![Times of {name}]({plots[name]})\n"
        yield from _save_table(times["save"])
        yield from _load_table(times["load"])
    if "memory" in results:
        yield from _memory_table(results["memory"], plots["memory"])
    if "sharing" in results:
        yield from _sharing_table(results["sharing"])
    if "waits" in results:
        yield from _waits_text(results["waits"], plots["waits"])


def _spread(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return f"{1000 * seconds[0]:.3g} | "
    low, median, high = statistics.quantiles(seconds, n=4)
    return f"{1000 * median:.3g} ({1000 * low:.3g} to {1000 * high:.3g}) | {1000 * min(seconds):.3g}"


def _save_table(times: Results) -> Lines:
    yield (
        f"Saving, {len(times[OURS])} rounds; × is the median of the ratios within each round (and the ratio "
        "of the medians).\n"
    )
    yield "| | ms, median (quartiles) | fastest | × safetensors | × safetensors, directory synced too |"
    yield "|---|---|---|---|---|"
    for name, seconds in times.items():
        columns = [
            "{:.2f} ({:.2f})".format(*ratio(times, name, reference))
            for reference in ("safetensors", "safetensors, directory synced")
        ]
        yield f"| {LABELS.get(name, name)} | {_spread(seconds)} | {' | '.join(columns)} |"
    yield ""


def _load_table(times: Results) -> Lines:
    yield (
        "Loading. *Touched*: one number of each page is read afterwards, so that no page stays unread; "
        "compared with the peer's touched load. *Verified*: hashed, as by default. *Child*: 90 % of its "
        "bytes lie in its parent's file.\n"
    )
    yield "| | ms, median (quartiles) | fastest | × `load_file` | × `torch.load` |"
    yield "|---|---|---|---|---|"
    for name, seconds in times.items():
        touched = ", touched" if name.endswith(", touched") else ""
        columns = [
            "{:.2f} ({:.2f})".format(*ratio(times, name, f"{reference}: all{touched}"))
            for reference in ("safetensors", "torch")
        ]
        label = name.replace(OURS, "**Heredity**", 1)
        yield f"| {label} | {_spread(seconds)} | {' | '.join(columns)} |"


def _memory_table(memory: Results, plot: str) -> Lines:
    size = MODELS[memory["model"]].size_bytes
    yield "\n## Memory\n"
    yield (
        f"In models ({size / 1e6:.1f} MB), above what the process held before. For saving, that is beyond "
        "the model that is there already; for loading it includes the loaded model, every page touched. "
        "*Own*: what is no page of a file; pages of mapped files belong to the page cache, are shared, and "
        "can be dropped at any time.\n"
    )
    yield f"![Memory]({plot})\n"
    yield "| | save: highest | own | load: highest | own |"
    yield "|---|---|---|---|---|"
    for side in dict.fromkeys([*memory["save"], *memory["load"]]):
        columns = [
            f"{memory[do][side][kind] / size:.2f}" if side in memory[do] else ""
            for do in ("save", "load")
            for kind in ("resident", "anonymous")
        ]
        yield f"| {side} | {' | '.join(columns)} |"


def _sharing_table(sharing: Results) -> Lines:
    size = MODELS[sharing["model"]].size_bytes
    num_processes = len(next(iter(sharing["sides"].values())))
    yield f"\n## {num_processes} processes load one checkpoint of {size / 1e9:.2f} GB\n"
    yield "In GB, every page touched. PSS, the proportional set size, counts a shared page in parts.\n"
    yield "| | resident, each | PSS, each | PSS, all | own, all |"
    yield "|---|---|---|---|---|"
    for side, rows in sharing["sides"].items():
        total = {name: sum(row[name] for row in rows) / 1e9 for name in rows[0]}
        yield (
            f"| {side} | {total['Rss'] / len(rows):.2f} | {total['Pss'] / len(rows):.2f} "
            f"| {total['Pss']:.2f} | {total['Pss_Anon']:.2f} |"
        )


def _waits_text(waits: Results, plot: str) -> Lines:
    yield "\n## Waiting for what another process saves\n"
    yield (
        f"{len(waits['after_link'])} checkpoints, random gaps of 0 to 500 ms. The waiter used "
        f"{100 * waits['cpu_share']:.1f} % of a core.\n"
    )
    yield f"![Waiting]({plot})\n"
    yield "| ms from … until `wait` has returned | median | 90 % | 99 % | longest |"
    yield "|---|---|---|---|---|"
    for name, label in (("after_link", "the name is there"), ("after_put", "`put` has returned")):
        ordered = sorted(1000 * seconds for seconds in waits[name])
        at = [ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.9, 0.99, 1)]
        yield f"| {label} | {' | '.join(f'{value:.2f}' for value in at)} |"
