"""What the reference says of each answer: the model before its first step, asked once for all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from training_scripts.training.batches import batch_of_step
from training_scripts.training.forward import document_log_likelihoods
from training_scripts.training.loop import Interrupted, own_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training_scripts.data.packing import PackedSequences
    from training_scripts.training.loop import Run


def with_reference(run: Run, total_steps: int) -> Run:
    """Return the run with the log-likelihood of each answer that `total_steps` steps will meet.

    Raises:
        Interrupted: If the job is asked to stop meanwhile.
    """
    if run.world.is_main:
        print("Asking the model, as it is, for its log-likelihoods: the reference.", flush=True)
    wanted = _met(run, total_steps)
    validation = run.validation
    if validation is not None:
        validation = _asked(run, validation, range(len(validation)))
    return replace(run, train=_asked(run, run.train, wanted), validation=validation)


def _met(run: Run, total_steps: int) -> Sequence[int]:
    """The sequences that training will meet: all, unless it ends within an epoch."""
    size, count = run.global_batch_size, len(run.train)
    if total_steps * size >= count:
        return range(count)
    steps = (batch_of_step(count, size, step, run.settings.seed) for step in range(total_steps))
    return sorted(sequence for step in steps for sequence in step)


def _asked(run: Run, packed: PackedSequences, sequences: Sequence[int]) -> PackedSequences:
    import torch

    width = max(map(len, packed.document_lengths))
    found = torch.zeros(len(packed), width, dtype=torch.float32, device=run.world.device)
    run.model.eval()
    with torch.no_grad():
        for batch in own_batches(run, packed, sequences, run.settings.per_device_eval_batch_size):
            # Several processes hear of it at the first step, all at the same place.
            if run.world.size == 1 and run.stop_requested():
                message = "there was nothing to save yet"
                raise Interrupted(message)
            likelihoods, _ = document_log_likelihoods(run.model, batch)
            rows, columns = zip(*batch.documents, strict=True)
            found[list(rows), list(columns)] = likelihoods
    run.model.train()
    run.world.sum(found)
    return replace(packed, reference=found.cpu().numpy())
