"""The peer of `oneshot_cost.py`: a step of NNI 3.0's DARTS on the same network; prints JSON.

Runs in an environment that has nni 3.0, Lightning and heredity. The network is ours, with NNI's choices in
place of ours; its own DARTS network has other edges and no "none", so that steps could not be compared.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import warnings

import torch

from heredity.oneshot import Cell, Choice
from heredity.oneshot.spaces import DartsNetwork


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("channels", "cells", "batch", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    import pytorch_lightning as pl
    from nni.nas.evaluator.pytorch import Lightning
    from nni.nas.evaluator.pytorch.lightning import ClassificationModule, DataLoader, Trainer
    from nni.nas.execution import SequentialExecutionEngine
    from nni.nas.nn.pytorch import LayerChoice, ModelSpace
    from nni.nas.space import RawFormatModelSpace
    from nni.nas.strategy import DARTS

    times: list[float] = []

    class Clock(pl.Callback):  # type: ignore[misc]  # Lightning is not installed where types are checked
        def on_train_batch_end(self, *_: object) -> None:
            times.append(time.process_time())

    x = torch.randn(given.batch * (given.steps + 1), 3, 32, 32)
    data = torch.utils.data.TensorDataset(x, torch.randint(10, (len(x),)))
    loader = DataLoader(data, batch_size=given.batch)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Clock()],
    )
    evaluator = Lightning(
        ClassificationModule(num_classes=10), trainer, train_dataloaders=loader, val_dataloaders=loader
    )

    class Space(ModelSpace):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.network = DartsNetwork(channels=given.channels, num_cells=given.cells)
            for cell in [module for module in self.network.modules() if isinstance(module, Cell)]:
                cell.inputs = torch.nn.ModuleDict()  # all edges are added, as DARTS does
                for name, edge in list(cell.edges.items()):
                    assert isinstance(edge, Choice)
                    [point] = edge.points()
                    label = point.label.replace("/", "-")
                    cell.edges[name] = LayerChoice(dict(edge.candidates.items()), label=label)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(images)
            return logits

    space = Space()
    DARTS()(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
    seconds = (times[-1] - times[0]) / (len(times) - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_seconds": round(seconds, 4), "peak_mib": round(peak)}))


if __name__ == "__main__":
    main()
