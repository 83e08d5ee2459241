"""A program as users write them: does what its first argument says, in the name of its trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import heredity as hd

does, *arguments = sys.argv[1:]
trial = hd.current_trial()

if does == "alone":
    print(f"alone: {trial is None}")
    sys.exit()

assert trial is not None

if does == "square":
    trial.finish(float(arguments[0]) ** 2)
elif does == "reports":
    for value in map(float, arguments):
        trial.report(value, metrics={"twice": 2 * value})
elif does == "objectives":
    trial.finish({"score": 0.5, "size": 3})
elif does == "nan":
    trial.report(float("nan"))
elif does == "heeds":
    while not trial.should_stop:
        trial.report(0.0)
    trial.save_tensors({}, metadata={"n": 1})
elif does == "ignores":
    while True:
        trial.report(0.0)
elif does == "saves":
    trial.save_tensors({}, metadata={"parents": list(trial.parents)})
    trial.report(1.0 if trial.parent is None else 2.0)
elif does == "cleans_up":
    try:
        (trial.directory / f"{trial.id}.started").touch()
        time.sleep(60)
    finally:
        trial.save_tensors({}, metadata={"n": 1})
        (trial.directory / f"{trial.id}.cleaned").touch()
elif does == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "60"])
    (trial.directory / "pids").write_text(json.dumps([os.getpid(), child.pid]))
    time.sleep(60)
elif does == "loses_the_store":
    if trial.attempt == 1:
        raise hd.errors.StoreUnavailable("the bucket does not answer")
elif does == "grandchild":
    code = "import heredity as hd; hd.current_trial()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    (trial.directory / "told").write_text(done.stderr)
elif does == "shows":
    facts = {
        "parameters": trial.parameters, "seed": trial.seed, "attempt": trial.attempt,
        "folder": str(Path.cwd()), "preload": "HEREDITY_PRELOAD" in os.environ, "max_steps": trial.max_steps,
    }  # fmt: skip
    (trial.directory / "facts").write_text(json.dumps(facts))
else:
    raise RuntimeError(f"what is {does}?")
