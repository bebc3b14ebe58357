"""Proving a finding by experiment: train a tiny model as configured and as fixed, and look for the symptom.

`plan` decides what to train, `worker` trains it (the only place that imports torch), `runner` starts the
worker in the user's training environment, `judge` says what was seen. `spec` is the contract between them.
"""
