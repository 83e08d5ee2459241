"""One father, and children that wait for him: whoever comes first is the father.

It knows NNI's names and nothing else. Each `generate_parameters` runs in a thread of its own, as the config
file asks with `multiThread: true`. So it may wait on an event, which is set when the father's result arrives.
"""

import threading
from typing import Any

from nni.tuner import Tuner


class SimpleTuner(Tuner):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.father_has_ended = threading.Event()
        self.father_id: int | None = None
        self.father_path = ""
        self.checksum = ""

    def generate_parameters(self, parameter_id: int, **_: Any) -> dict[str, Any]:
        with self.lock:
            if self.father_id is None:
                self.father_id = parameter_id
                return {"prev_id": 0, "id": parameter_id}
        self.father_has_ended.wait()
        return {"id": parameter_id, "prev_id": self.father_id, "prev_path": self.father_path}

    def receive_trial_result(self, parameter_id: int, _: Any, value: dict[str, Any], **__: Any) -> None:
        with self.lock:
            if parameter_id == self.father_id:
                self.father_path, self.checksum = value["path"], value["checksum"]
                self.father_has_ended.set()
            elif value["checksum"] != self.checksum:
                raise ValueError(f"Trial {parameter_id} has read other weights than its father wrote.")

    def update_search_space(self, search_space: Any) -> None:
        """There is nothing to search."""
