"""Trains tiny models: the only part of cfglint that imports torch.

It runs in the user's training environment, which has neither cfglint nor its dependencies, so nothing here
imports anything but the standard library, torch and the training libraries; experiments come in and results
go out as JSON.
"""
