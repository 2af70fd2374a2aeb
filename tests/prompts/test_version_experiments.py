"""Online A/B experiments: who gets which version, on every kind of store."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from dknb.errors import VersioningError
from dknb.prompts.versioning import ABTestManager, PromptExperiment, PromptVariant

HALVES = [PromptVariant("1.0.0", 0.5, "as it was"), PromptVariant("1.1.0", 0.5, metadata={"idea": "kinder"})]


@pytest.fixture
def tests(store):
    return ABTestManager(store)


async def test_an_experiment_is_kept_as_it_was_made(tests, reopened):
    """Another manager on the same store finds it, with its variants, split and times in UTC."""
    made = await tests.create_experiment("greeting", "user", HALVES, metadata={"by": "Ada"})
    assert made.traffic_split == {"1.0.0": 0.5, "1.1.0": 0.5}
    assert (made.status, made.end_date, made.start_date.utcoffset().total_seconds()) == ("running", None, 0)
    found = await ABTestManager(reopened()).get_experiment(made.experiment_id)
    assert found == made
    assert PromptExperiment.from_dict(made.to_dict()) == made
    assert await tests.get_variant(made.experiment_id, "1.1.0") == HALVES[1]
    assert await tests.get_experiment("nobody") is None


async def test_experiments_are_listed(tests):
    """All of them, the oldest first, or those on a prompt, of a type or a status."""
    one = await tests.create_experiment("a", "user", HALVES)
    two = await tests.create_experiment("a", "system", HALVES)
    three = await tests.create_experiment("b", "user", HALVES)
    await tests.update_experiment_status(three, "completed")

    async def ids(**wanted):
        return [each.experiment_id for each in await tests.list_experiments(**wanted)]

    assert await ids() == [one.experiment_id, two.experiment_id, three.experiment_id]
    assert await ids(name="a", prompt_type="system") == [two.experiment_id]
    assert await ids(status="running") == [one.experiment_id, two.experiment_id]


async def test_a_user_keeps_his_arm(tests, reopened):
    """Asked again, from another process's manager, and after the split was changed, a user gets what he got."""
    experiment = await tests.create_experiment("greeting", "user", HALVES)
    users = [f"user-{number}" for number in range(60)]
    first = {user: await tests.get_variant_for_user(experiment.experiment_id, user) for user in users}
    assert set(first.values()) == {"1.0.0", "1.1.0"}
    changed = await tests.update_traffic_split(experiment, {"1.1.0": 1.0})
    assert changed.traffic_split == {"1.0.0": 0.0, "1.1.0": 1.0}
    other = ABTestManager(reopened())
    assert {user: await other.get_variant_for_user(experiment, user) for user in users} == first
    assert {await other.get_variant_for_user(experiment, f"new-{number}") for number in range(30)} == {"1.1.0"}
    assert await other.get_user_assignment(experiment, "user-3") == first["user-3"]
    assert await other.get_user_assignment(experiment, "never seen") is None
    assigned = await other.get_experiment_assignments(experiment)
    assert {user: assigned[user] for user in users} == first
    counts = Counter(assigned.values())
    assert await other.get_variant_distribution(experiment) == {"1.0.0": counts["1.0.0"], "1.1.0": counts["1.1.0"]}


async def test_many_at_once_agree(tests):
    """The same users asked for side by side get one arm each, and one row each."""
    experiment = await tests.create_experiment("greeting", "user", HALVES)
    users = [f"user-{number % 200}" for number in range(1000)]
    got = await asyncio.gather(*(tests.get_variant_for_user(experiment, user) for user in users))
    assert len({*zip(users, got, strict=True)}) == 200
    assert len(await tests.get_experiment_assignments(experiment)) == 200


async def test_arms_of_two_experiments_have_nothing_to_do_with_each_other(tests):
    """Of those who are in one arm here, half are in each arm there: the experiment salts the choice."""
    one = await tests.create_experiment("greeting", "user", HALVES)
    two = await tests.create_experiment("greeting", "user", HALVES)
    users = [f"user-{number}" for number in range(2000)]
    pairs = Counter(
        zip(
            await asyncio.gather(*(tests.get_variant_for_user(one, user) for user in users)),
            await asyncio.gather(*(tests.get_variant_for_user(two, user) for user in users)),
            strict=True,
        )
    )
    assert len(pairs) == 4
    assert all(400 <= count <= 600 for count in pairs.values()), pairs


async def test_only_what_runs_assigns(tests):
    """A paused or completed experiment says so; when it runs again, it goes on."""
    experiment = await tests.create_experiment("greeting", "user", HALVES)
    got = await tests.get_variant_for_user(experiment, "ada")
    await tests.update_experiment_status(experiment, "paused")
    for asked in (tests.get_variant_for_user(experiment, "ada"), tests.get_random_variant(experiment)):
        with pytest.raises(VersioningError, match=r"is not running \(status: paused\)"):
            await asked
    assert await tests.get_user_assignment(experiment, "ada") == got
    ended = await tests.update_experiment_status(experiment, "completed")
    assert ended.end_date >= ended.start_date
    again = await tests.update_experiment_status(experiment, "running")
    assert again.end_date is None
    assert await tests.get_variant_for_user(experiment, "ada") == got


async def test_a_deleted_experiment_is_gone(tests):
    """With who was in it; other experiments stay."""
    experiment = await tests.create_experiment("greeting", "user", HALVES)
    other = await tests.create_experiment("greeting", "user", HALVES)
    for each in (experiment, other):
        await tests.get_variant_for_user(each, "ada")
    assert await tests.delete_experiment(experiment.experiment_id) is True
    assert await tests.delete_experiment(experiment.experiment_id) is False
    assert await tests.get_experiment_assignments(experiment) == {}
    assert set(await tests.get_experiment_assignments(other)) == {"ada"}
    with pytest.raises(VersioningError, match="Experiment not found"):
        await tests.get_variant_for_user(experiment, "ada")


async def test_one_who_cannot_be_told_spoils_nobody_elses_call(tests):
    """Of calls that are written together, each has its own answer or error."""
    experiment = await tests.create_experiment("greeting", "user", HALVES)
    calls = [tests.get_variant_for_user(which, "ada") for which in (experiment, "nobody", experiment)]
    first, wrong, last = await asyncio.gather(*calls, return_exceptions=True)
    assert first == last
    assert isinstance(wrong, VersioningError)


@pytest.mark.parametrize("user", ["", "  ", None, 7, "a\x00b", "half \ud800"])
async def test_a_user_is_told_by_a_text(tests, user):
    """What is none, or what no store keeps, is refused by every store alike."""
    experiment = await tests.create_experiment("greeting", "user", HALVES)
    with pytest.raises(VersioningError, match=r"told by a text|no store keeps"):
        await tests.get_variant_for_user(experiment, user)


async def test_names_may_hold_anything(tests):
    """Users and versions are data: quotes, per cent signs and other scripts are kept as they are."""
    arms = [PromptVariant("1.0.0-b'x\"%s"), PromptVariant("二")]
    experiment = await tests.create_experiment("grüße/'; drop table x", "user", arms)
    users = ["Ada'; --", "%(x)s :y", "名前", "e\u0301", "é", "a" * 2000]
    got = {user: await tests.get_variant_for_user(experiment, user) for user in users}
    assert await tests.get_experiment_assignments(experiment) == got
    assert set(got.values()) <= {arm.version for arm in arms}
