"""The fields of NNI's config files, of version 1 and 2: which are read, and which are ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping

from heredity.encoding import Json

OF_VERSION_1: Mapping[str, str] = {
    "maxExecDuration": "maxExperimentDuration",
    "maxTrialNum": "maxTrialNumber",
    "searchSpacePath": "searchSpaceFile",
    "logDir": "experimentWorkingDirectory",
    "trainingServicePlatform": "trainingService.platform",
    "trial.command": "trialCommand",
    "trial.codeDir": "trialCodeDirectory",
    "trial.gpuNum": "trialGpuNumber",
    "tuner.builtinTunerName": "tuner.name",
    "tuner.codeDir": "tuner.codeDirectory",
    "assessor.builtinAssessorName": "assessor.name",
    "assessor.codeDir": "assessor.codeDirectory",
    "advisor.builtinAdvisorName": "advisor.name",
    "advisor.codeDir": "advisor.codeDirectory",
}
"""Each field's name in version 2, which is also ours here."""

READ: Mapping[str, str] = {
    "experimentName": "the experiment's name",
    "trialConcurrency": "trials at a time; a blocked call takes none",
    "maxExperimentDuration": "after it nothing more is proposed; what runs then may end",
    "maxTrialNumber": "the number of trials, failed ones among them",
    "maxTrialDuration": "after it a trial has failed",
    "searchSpace": "the search space",
    "searchSpaceFile": "the file of the search space",
    "trialCommand": "each trial's command, run by a shell",
    "trialCodeDirectory": "where it runs",
    "trialGpuNumber": "accelerators of a trial",
    "trainingService.platform": "processes on this machine",
    "multiThread": "whether each call of the tuner has a thread of its own",
    "tuner.name": "the kind of the strategy",
    "tuner.codeDirectory": "where the tuner's file lies",
    "tuner.classFileName": "the tuner's file",
    "tuner.className": "the tuner's class",
    "tuner.classArgs": "what it is made with",
    "advisor.name": "the kind of the strategy",
    "advisor.classArgs": "what it is made with",
    "assessor.name": "the kind of the stopper",
    "assessor.codeDirectory": "where the assessor's file lies",
    "assessor.classFileName": "the assessor's file",
    "assessor.className": "the assessor's class",
    "assessor.classArgs": "what it is made with",
    "heredity.firstParameterId": "the id of the first trial; 0 is NNI's",
    "heredity.experimentId": "what nni.get_experiment_id() answers; drawn at the start by default",
    "heredity.resultsAtEnd": "whether a result waits for its trial's end; false is NNI's",
    "heredity.seed": "every trial's own seed comes from it",
    "heredity.patienceSeconds": "how long calls may go without an answer while no trial runs",
}
"""What becomes of each field that is read."""

IGNORED: Mapping[str, str] = {
    "authorName": "it has no effect in NNI either",
    "description": "it has no effect in NNI either",
    "versionCheck": "no code is sent to other machines",
    "logCollection": "every attempt's log lies in the run's directory",
    "includeIntermediateResults": "NNI's tuner gets final results only; so does it here",
    "experimentWorkingDirectory": "the run's directory is runs/NAME/NUMBER, or that of --directory",
    "useAnnotation": "false, as it has to be",
    "multiPhase": "false, as it has to be",
    "debug": "there are no levels of logs",
    "logLevel": "there are no levels of logs",
    "nniManagerIp": "there is no manager",
    "tunerGpuIndices": "the tuner sees the driver's accelerators",
    "tuner.gpuIndices": "the tuner sees the driver's accelerators",
    "advisor.gpuIndices": "the tuner sees the driver's accelerators",
    "assessor.gpuIndices": "the stopper uses none",
    "localConfig": "accelerators are given out by trialGpuNumber alone",
    "trainingService.useActiveGpu": "accelerators are given out by trialGpuNumber alone",
    "trainingService.gpuIndices": "accelerators are given out by trialGpuNumber alone",
    "trainingService.maxTrialNumberPerGpu": "accelerators are given out by trialGpuNumber alone",
    "trainingService.reuseMode": "a process is forked for each trial, from one that is ready",
    "tuner.includeIntermediateResults": "NNI's tuner gets final results only; so does it here",
}
"""Why a field changes nothing."""

MACHINES: tuple[str, ...] = ("machineList", "trainingService.machineList", "remoteConfig")
"""What only a remote platform needs."""
ON_RAY = "ignored: the machines are those of the Ray cluster, and no password is read"
"""What becomes of it on a cluster."""

_TABLES = ("trial", "tuner", "advisor", "assessor", "trainingService", "heredity")
_MARKS = ("trainingServicePlatform", "trainingService", "trialCommand", "trialConcurrency", "searchSpacePath")
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def is_nni_file(value: Mapping[str, Json]) -> bool:
    """Whether a mapping is an NNI config file, by its keys: ours has a `name` and a `strategy`."""
    return "strategy" not in value and any(mark in value for mark in _MARKS)


def flattened(value: Mapping[str, Json]) -> dict[str, tuple[str, Json]]:
    """The fields by their names in version 2, each with its name in the file; names of tables have dots."""
    fields: dict[str, tuple[str, Json]] = {}
    # What was chosen at the start is written under whole names, and counts before the file's own.
    for key, entry in sorted(value.items(), key=lambda item: item[0].startswith("heredity.")):
        if entry is None:
            continue  # as if it were not there
        if key in _TABLES and isinstance(entry, Mapping):
            inner = {f"{key}.{name}": item for name, item in entry.items()}
        else:
            inner = {key: entry}
        for name, item in inner.items():
            fields[OF_VERSION_1.get(name, name)] = (name, item)
    return fields


def seconds_of(duration: Json) -> float | None:
    """Read a duration such as ``1h`` or ``90``; None if it is something else."""
    match = _DURATION.fullmatch(str(duration))
    if match is None or isinstance(duration, bool):
        return None
    return float(match["number"]) * _SECONDS[match["unit"]]
