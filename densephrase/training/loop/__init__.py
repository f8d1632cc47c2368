"""Shared by all trainings: settings, stages, objectives, gradient steps, checkpoints, the identity of a run."""
