"""With JAX as Keras's backend a model's variables go into the store and out, and no torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integrations

PROGRAM = """
import sys
import numpy as np
import heredity as hd
from heredity.errors import InputError
from heredity.integrations.keras import load_variables, put_variables
import keras

def build():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.1)])

store, model, other = hd.open_store(sys.argv[1]), build(), build()
x = np.ones((2, 3), np.float32)
if "given" in store:
    load_variables(model, store["given"])
load_variables(other, put_variables(store, model, key=keras.backend.backend()))
np.testing.assert_array_equal(other(x), model(x))
assert "torch" not in sys.modules
from heredity.integrations.keras import as_module
try:
    as_module(model)
except InputError as error:
    assert "torch as its backend, got 'jax'" in str(error), error
else:
    raise AssertionError
"""


def test_it_keeps_variables_and_takes_those_of_another_backend(tmp_path: Path) -> None:
    given = PROGRAM.split('if "given"', maxsplit=1)[0] + "put_variables(store, model, key='given')"
    for backend, program in (("torch", given), ("jax", PROGRAM)):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "store")],
            env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
