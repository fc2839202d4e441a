"""Measurements: what the README says of errors, times and damage, each in a room of its own.

  studies     the error of recipes
  speed       the time and the memory of ssgan's own steps
  robustness  interrupted runs, damaged and hostile files
  peers       other tools beside ssgan, by the time of a step and by the error; uses `speed`
  common      what the rooms share
  results     what the scripts write

A script runs from the repository's root, as `python -m experiments.speed.costs`; `--help` says what it does.
"""
