"""How the commands behave in a shell: help, progress, quiet, and words on mistakes."""
