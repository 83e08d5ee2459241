"""The peer of `oneshot_cost.py`: a step of NNI 3.0's DARTS on its own DARTS network; prints JSON.

Runs in an environment that has nni 3.0 and Lightning, and does not import heredity.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import warnings

import torch


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
    from nni.nas.hub import pytorch as spaces
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
    space = spaces.DARTS(width=given.channels, num_cells=given.cells, dataset="cifar", auxiliary_loss=False)
    DARTS()(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
    seconds = (times[-1] - times[0]) / (len(times) - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_seconds": round(seconds, 4), "peak_mib": round(peak)}))


if __name__ == "__main__":
    main()
