"""Keras: a wider network goes on from what a narrow one has learnt. STORE is the only argument."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
from keras import layers
from sklearn.datasets import load_digits

import heredity as hd
from heredity.integrations.keras import Inherit

x, y = load_digits(return_X_y=True)
store = hd.open_store(sys.argv[1])
for width in (16, 24):
    hidden = layers.Dense(width, activation="relu")
    model = keras.Sequential([keras.Input((64,)), hidden, layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    inherit = Inherit(
        store,
        experiment="digits",
        trial=f"width-{width}",
        parent=store,
        monitor="accuracy",
        example_inputs=torch.zeros(2, 64),
    )
    model.fit(x / 16, y, batch_size=128, verbose=0, callbacks=[inherit])
    print(inherit.guest and inherit.guest.facts)
