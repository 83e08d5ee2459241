"""The folder on the path of trial and tuner processes, so that `import nni` finds what lies in it."""
