"""What every training shares: settings, the loop, checkpoints, the identity of a run."""
