"""The training loop and what it stands on: settings, model, batches, schedule, optimizer."""
