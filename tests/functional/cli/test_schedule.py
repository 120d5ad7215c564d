"""`fmo schedule` over HTTP: what is deployed is listed, paused, and goes with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

WEEKLY = ("weekly.yaml", "--env", "dev")


def test_a_schedule_lives_and_goes_with_its_key(account: Fmo) -> None:
    assert account("deploy", *WEEKLY, "--yes").code == 0
    listed = account("schedule", "list", *WEEKLY, "--json").document["triggers"]
    assert [(one["kind"], one["state"]) for one in listed] == [
        ("schedule", "enabled"),
        ("rule", "enabled"),
    ]
    assert listed[0]["next"] is not None
    paused = account("schedule", "pause", *WEEKLY, "--json").document["triggers"]
    assert [(one["name"], one["state"], one["next"]) for one in paused] == [
        ("fmo-count-weekly", "paused", None)
    ]
    spec = account.folder / "weekly.yaml"
    kept = spec.read_text(encoding="utf-8").splitlines()[:2]
    spec.write_text("\n".join(kept) + "\n", encoding="utf-8")
    differs = account("diff", *WEEKLY)
    assert differs.code == 1
    assert "fmo-count-weekly cron(0 6 ? * MON *) Europe/Berlin: delete" in differs.stderr
    assert account("deploy", *WEEKLY, "--yes").code == 0
    listed_again = account("schedule", "list", *WEEKLY)
    assert (listed_again.code, listed_again.stdout) == (0, "")
    assert "nothing starts this pipeline by itself; add `schedule:` and deploy" in (
        listed_again.stderr
    )


def test_an_environment_that_lacks_a_role_is_told_at_the_line_of_the_schedule(fmo: Fmo) -> None:
    project = fmo.folder / "fmo.yaml"
    lines = project.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "scheduler_role_arn" not in line]
    project.write_text("\n".join(kept) + "\n", encoding="utf-8")
    ended = fmo("diff", *WEEKLY)  # Nothing is asked of AWS: there is no account here.
    assert ended.code == 2
    assert (
        "weekly.yaml:3: schedule: environment 'dev' has no scheduler_role_arn. Add "
        "`scheduler_role_arn:` to it in fmo.yaml, as `fmo infra deploy` prints it with "
        "`infra: {parts: [schedules]}`, or remove `schedule:`."
    ) in ended.stderr
