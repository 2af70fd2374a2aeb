"""Which arm of an experiment a user gets: the same one for ever, and nothing to do with that of another experiment."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from itertools import accumulate

from ...errors import VersioningError
from .experiments import PromptExperiment
from .plain import is_text
from .storage import ABStorage

__all__ = ["arm_at", "arm_of_user", "assign_arms", "check_user", "known_experiment", "running", "running_on"]

#: One share of the 2**64 that eight bytes tell apart.
_STEP = 2.0**-64


def arm_of_user(experiment_id: str, user_id: str, split: Mapping[str, float]) -> str:
    """The version that a user gets: his place between 0 and 1 is the SHA-256 of the experiment's id and his own.

    The experiment's id is the salt, so that who is in the first half here may be anywhere in another experiment.
    """
    digest = hashlib.sha256(f"{experiment_id}\x00{user_id}".encode()).digest()
    return arm_at(int.from_bytes(digest[:8], "big") * _STEP, split)


def arm_at(place: float, split: Mapping[str, float]) -> str:
    """The version whose part of the whole ``place`` (from 0 to 1) lies in; who has no share gets nobody."""
    shares = {version: share for version, share in split.items() if share > 0}
    total = math.fsum(shares.values())
    for version, end in zip(shares, accumulate(shares.values()), strict=True):
        if place * total < end:
            return version
    return list(shares)[-1]


def check_user(user_id: str) -> str:
    """The user's id, if every store can keep it.

    Raises:
        VersioningError: It is no text, or blank, or holds what no store does.
    """
    if not is_text(user_id):
        raise VersioningError(f"A user is told by a text that is not blank, not by {user_id!r}.", hint="str(user_id)")
    if "\x00" in user_id or any("\ud800" <= char <= "\udfff" for char in user_id):
        raise VersioningError(f"The user {user_id!r} has a character that no store keeps.", hint="Leave it out.")
    return user_id


def assign_arms(storage: ABStorage, experiment: PromptExperiment, users: Iterable[str]) -> dict[str, str]:
    """The arms of users, which are kept before they are given; who was seen before keeps his.

    Raises:
        VersioningError: The experiment is not running.
    """
    wanted = dict.fromkeys(users)
    salt, split = experiment.experiment_id, running(experiment).traffic_split
    there = storage.assigned(salt, wanted)
    new = {user: arm_of_user(salt, user, split) for user in wanted if user not in there}
    return {**there, **storage.assign(salt, new)} if new else there


def running_on(storage: ABStorage, name: str, prompt_type: str) -> PromptExperiment | None:
    """The experiment that runs on a prompt; the last one that was begun, if there are several."""
    for experiment in reversed(storage.experiments(name)):
        if experiment.prompt_type == prompt_type and experiment.status == "running":
            return experiment
    return None


def known_experiment(experiment: PromptExperiment | None, experiment_id: str) -> PromptExperiment:
    """The experiment, if there is one.

    Raises:
        VersioningError: There is none.
    """
    if experiment is None:
        raise VersioningError(f"Experiment not found: {experiment_id!r}.", hint="list_experiments() has their ids.")
    return experiment


def running(experiment: PromptExperiment) -> PromptExperiment:
    """The experiment, if it is running.

    Raises:
        VersioningError: It is paused or completed.
    """
    if experiment.status != "running":
        raise VersioningError(
            f"Experiment {experiment.experiment_id} on {experiment.name!r} is not running (status: {experiment.status}).",
            hint='update_experiment_status(experiment_id, "running") lets it go on; get_user_assignment has who was seen.',
        )
    return experiment
