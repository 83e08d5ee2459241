"""An NNI config file, read: what it asks for, how each field was understood, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heredity.encoding import Json
from heredity.engine.files.signatures import advice
from heredity.engine.files.yaml_source import YamlSource
from heredity.errors import ConfigError
from heredity.nni.fields import IGNORED, MACHINES, ON_RAY, READ, flattened, seconds_of

RAY_HINT = (
    "Start Ray on the machines, `ray start --head` on one and `ray start --address=...` on the others, with "
    "the code in the same folder on each; then run this file as it is with `--executor ray --ray-address "
    "auto` and --directory on a disk that all of them share. No passwords are read."
)
LOCAL, REMOTE = "local", "remote"


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """A tuner, an advisor or an assessor: built in, or a class in a file."""

    role: str
    name: str
    """Of one that is built in; empty for a class."""
    module: str
    class_name: str
    folder: Path
    arguments: Mapping[str, Json]


@dataclass(slots=True)
class NniFile:
    """What a file asks for."""

    source: YamlSource
    folder: Path
    fields: dict[str, tuple[str, Json]]
    notes: list[str] = field(default_factory=list)
    """How each field was understood."""

    def fault(self, name: str, problem: str, *, hint: str = "") -> ConfigError:
        """An error that names the field's line."""
        place = self.fields.get(name, (name, None))[0]
        line = self.source.line_of(place.split("."))
        return ConfigError(f"{self.source.path}:{line}: {place}: {problem}.", hint=hint)

    def get(self, name: str) -> Json:
        """A field's value; None if it is not there."""
        return self.fields.get(name, (name, None))[1]

    def text(self, name: str, default: str = "") -> str:
        """A field that is a text."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.fault(name, f"expected a text, got {value!r:.60}")
        return value

    def integer(self, name: str, default: int | None, *, at_least: int) -> int | None:
        """A field that is a whole number."""
        value = self.get(name)
        if value is None:
            return default
        if type(value) is not int or value < at_least:
            raise self.fault(name, f"expected a whole number of at least {at_least}, got {value!r:.60}")
        return value

    def flag(self, name: str) -> bool:
        """A field that is true or false, and false if it is not there."""
        value = self.get(name)
        if value is not None and type(value) is not bool:
            raise self.fault(name, f"expected true or false, got {value!r:.60}")
        return bool(value)

    def seconds(self, name: str) -> float | None:
        """A field that is a duration."""
        value = self.get(name)
        if value is None:
            return None
        seconds = seconds_of(value)
        if not seconds:
            raise self.fault(name, f"expected a duration such as 30m, 1h or 2d, got {value!r:.60}")
        return seconds

    def table(self, name: str) -> Mapping[str, Json]:
        """A field that is a mapping."""
        value = self.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.fault(name, f"expected a mapping, got {value!r:.60}")
        return value

    def directory(self, name: str) -> Path:
        """A field that names a folder, from the file's own; by default that."""
        folder = (self.folder / Path(self.text(name, ".")).expanduser()).resolve()
        if not folder.is_dir():
            raise self.fault(name, f"there is no folder {folder}")
        return folder

    @property
    def is_remote(self) -> bool:
        """Whether it was written for several machines."""
        return self.get("trainingService.platform") == REMOTE

    # --- what is more than one field -----------------------------------------------------------------------

    def name(self) -> str:
        """The experiment's name, of the characters that a name may have."""
        given = self.text("experimentName", "nni")
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", given).strip("-_") or "nni"
        if name != given:
            self.notes.append(f"experimentName: {name}, since names have letters, digits, '_' and '-'")
        return name[:64]

    def search_space(self) -> Json:
        """The search space as NNI writes it; an empty one if the file has none."""
        if self.get("searchSpace") is not None:
            return self.get("searchSpace")
        name = self.text("searchSpaceFile")
        if not name:
            return {}
        path = self.folder / Path(name).expanduser()
        try:
            value: Json = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise self.fault("searchSpaceFile", f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise self.fault("searchSpaceFile", f"{path} is not JSON: {error}") from error
        return value

    def class_spec(self, role: str) -> ClassSpec | None:
        """The tuner, the advisor or the assessor; None if the file has none."""
        if not any(name.startswith(f"{role}.") for name in self.fields):
            return None
        name, class_name = self.text(f"{role}.name"), self.text(f"{role}.className")
        if bool(name) == bool(class_name):
            problem = "expected the name of one that is built in, or a className"
            raise self.fault(f"{role}.name" if name else f"{role}.className", problem)
        module, _, last = class_name.rpartition(".")  # version 2: 'file.Class'
        file = self.text(f"{role}.classFileName")
        if class_name and file:
            module, last = file.removesuffix(".py"), class_name
        elif class_name and not module:
            raise self.fault(f"{role}.className", f"expected 'file.Class', got {class_name!r}")
        folder = self.directory(f"{role}.codeDirectory")
        return ClassSpec(role, name, module, last, folder, self.table(f"{role}.classArgs"))


def read_nni(source: YamlSource, folder: Path, *, is_on_ray: bool = False) -> NniFile:
    """Read a config file; say how each of its fields was understood.

    Args:
        source: The file.
        folder: What its relative names start from.
        is_on_ray: Whether trials run on a Ray cluster, which takes the place of NNI's remote platform.

    Raises:
        ConfigError: A field is unknown, or asks for what is not done here.
    """
    file = NniFile(source, folder, flattened(source.value))
    _refuse_machines(file, is_on_ray=is_on_ray)
    for name in ("useAnnotation", "multiPhase"):
        if file.flag(name):
            raise file.fault(name, "expected false: programs are run as they are")
    for name, (written, value) in file.fields.items():
        if name == "trainingService.platform" and is_on_ray:
            file.notes.append(f"{written}: {_short(value)}: the machines of the Ray cluster")
        elif name in READ:
            file.notes.append(f"{written}: {_short(value)}: {READ[name]}")
        elif name in IGNORED:
            file.notes.append(f"{written}: ignored: {IGNORED[name]}")
        elif name in MACHINES:
            file.notes.append(f"{written}: {ON_RAY}")
        else:
            known = [*READ, *IGNORED]
            raise file.fault(name, f"NNI has no such field, or it is not known here; {advice(name, known)}")
    return file


def _refuse_machines(file: NniFile, *, is_on_ray: bool) -> None:
    platform = file.text("trainingService.platform", LOCAL)
    if platform not in ({LOCAL, REMOTE} if is_on_ray else {LOCAL}):
        problem = f"expected {LOCAL!r}, got {platform!r}: other machines are reached by Ray"
        raise file.fault("trainingService.platform", problem, hint=RAY_HINT)
    for name in MACHINES:
        if file.get(name) is not None and not is_on_ray:
            raise file.fault(name, f"expected none with the platform {LOCAL!r}", hint=RAY_HINT)
    if file.get("sharedStorage") is not None:
        problem = "expected none: nothing is mounted here"
        hint = "Mount it on all machines yourself, and hand its folder to the trials in their command."
        raise file.fault("sharedStorage", problem, hint=hint)


def _short(value: Json) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)[:60]
