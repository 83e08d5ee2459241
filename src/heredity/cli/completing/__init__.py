"""Completion in the shell: what there is to complete, and the script that asks."""
