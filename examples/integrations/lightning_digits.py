"""Lightning: a wider network goes on from what a narrow one has learnt. STORE is the only argument."""

import sys

import torch
from lightning.pytorch import LightningModule, Trainer
from sklearn.datasets import load_digits
from torch import Tensor, nn

import heredity as hd
from heredity.integrations.lightning import Inherit


class Digits(LightningModule):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
        self.example_input_array = torch.zeros(2, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)  # type: ignore[no-any-return]  # a module's call has no type

    def training_step(self, batch: list[Tensor]) -> Tensor:
        self.log("loss", loss := nn.functional.cross_entropy(self(batch[0].float() / 16), batch[1]))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


store = hd.open_store(sys.argv[1])
data = torch.utils.data.TensorDataset(*(torch.tensor(each) for each in load_digits(return_X_y=True)))
for width in (16, 24):
    inherit = Inherit(store, trial=f"width-{width}", parent=store, publish="last", monitor="loss", mode="min")
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, callbacks=[inherit], logger=False, enable_checkpointing=False
    )
    trainer.fit(Digits(width), torch.utils.data.DataLoader(data, batch_size=128, shuffle=True))
    print(inherit.guest and inherit.guest.facts)
