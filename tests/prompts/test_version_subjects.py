"""A library for one user: plain names are the arms of running experiments, also through builders."""

from __future__ import annotations

import asyncio

import pytest

from dknb.errors import VersioningError, VersionNotFound
from dknb.prompts import AsyncPromptBuilder, ConfigPromptLibrary, PromptBuilder, VersionedPromptLibrary
from dknb.prompts.versioning import (
    ABTestManager,
    MetricEvent,
    PromptVariant,
    VersionManager,
    VersionStatus,
    prompt_fingerprint,
)

HALVES = [PromptVariant("1.0.0"), PromptVariant("1.1.0")]


@pytest.fixture
def library(store):
    """A prompt with two versions, the newer one active, and one that refers to it."""
    base = ConfigPromptLibrary({"user": {"mail": "{{ prompt_ref('greeting') }} Yours"}})
    made = VersionedPromptLibrary(base, storage=store)
    for number, text in (("1.0.0", "Hello {{n}}"), ("1.1.0", "Hi {{n}}")):
        asyncio.run(made.create_version("greeting", "user", text, number))
    return made


def greeting(library, user=None):
    served = library if user is None else library.for_subject(user)
    return PromptBuilder(served).render_user_prompt("greeting", params={"n": 1}).content


def test_a_user_gets_his_arm(library, reopened):
    """Each user one of the two texts, always the same; who is nobody gets the active version."""
    asyncio.run(library.create_experiment("greeting", "user", HALVES))
    users = [f"user-{number}" for number in range(20)]
    got = {user: greeting(library, user) for user in users}
    assert set(got.values()) == {"Hello 1", "Hi 1"}
    assert greeting(library) == "Hi 1"
    again = VersionedPromptLibrary(storage=reopened())
    assert {user: greeting(again, user) for user in users} == got


def test_what_came_of_an_arm_is_recorded_by_what_the_render_says(library):
    """Its metadata have the experiment and the version."""
    experiment = asyncio.run(library.create_experiment("greeting", "user", HALVES))
    facts = PromptBuilder(library.for_subject("ada")).render_user_prompt("greeting", params={"n": 1}).metadata
    arm = asyncio.run(library.get_variant_for_user(experiment, "ada"))
    assert (facts["experiment_id"], facts["version"]) == (experiment.experiment_id, arm)
    tests = library.ab_test_manager
    asyncio.run(tests.record_metric(facts["experiment_id"], facts["version"], MetricEvent(success=False)))
    assert asyncio.run(library.compare_variants(experiment)).events == {"1.0.0": 0, "1.1.0": 0} | {arm: 1}


def test_what_refers_to_a_prompt_gets_the_arm_too(library):
    """With an async builder as well."""
    experiment = asyncio.run(library.create_experiment("greeting", "user", HALVES))
    arm = asyncio.run(library.get_variant_for_user(experiment, "ada"))
    text = {"1.0.0": "Hello 1 Yours", "1.1.0": "Hi 1 Yours"}[arm]
    builder = AsyncPromptBuilder(library.for_subject("ada"))
    assert asyncio.run(builder.render_user_prompt("mail", params={"n": 1})).content == text


def test_an_experiment_that_rests_serves_nobody(library):
    """Its users get the active version, and their arms again when it goes on; versions are served by number meanwhile."""
    experiment = asyncio.run(library.create_experiment("greeting", "user", [HALVES[0], PromptVariant("1.1.0", 0.001)]))
    user = next(f"user-{number}" for number in range(100) if greeting(library, f"user-{number}") == "Hello 1")
    subject = library.for_subject(user)
    builder = PromptBuilder(subject)
    tests = library.ab_test_manager
    for status, text in (("paused", "Hi 1"), ("running", "Hello 1"), ("completed", "Hi 1")):
        asyncio.run(tests.update_experiment_status(experiment, status))
        assert builder.render_user_prompt("greeting", params={"n": 1}).content == text
        assert builder.render_user_prompt("greeting@1.1.0", params={"n": 1}).content == "Hi 1"


def test_an_arm_without_its_version_says_so(library):
    """When the experiment is made; of one that was deleted since, no user silently gets another text than his arm's."""
    with pytest.raises(VersionNotFound, match=r"'greeting' has no version '7\.0\.0'") as caught:
        asyncio.run(library.create_experiment("greeting", "user", [PromptVariant("1.0.0"), PromptVariant("7.0.0")]))
    assert caught.value.hint == "Its versions: 1.1.0, 1.0.0"
    with pytest.raises(VersionNotFound, match=r"'mail' has no version '1\.0\.0'"):
        asyncio.run(library.create_experiment("mail", "user", HALVES))
    with pytest.raises(VersionNotFound, match=r"'8\.0\.0'"):
        asyncio.run(
            ABTestManager(library.ab_test_manager.storage).create_experiment(
                "greeting", "user", [PromptVariant("1.0.0"), PromptVariant("8.0.0")]
            )
        )
    assert asyncio.run(library.list_experiments()) == []
    asyncio.run(library.create_experiment("greeting", "user", HALVES))
    for version in asyncio.run(library.list_versions("greeting")):
        asyncio.run(library.version_manager.delete_version(version.version_id))
    with pytest.raises(VersionNotFound, match=r"gives 'greeting' version 1\.[01]\.0, which is not there"):
        greeting(library, "ada")
    with pytest.raises(VersioningError, match="told by a text"):
        library.for_subject("")


def test_a_version_promoted_over_a_prompt_is_served_until_that_changes(store):
    """What stands below is compared, not the time: back as it was, the version is served again."""
    texts = {"greeting": "from the file"}
    base = ConfigPromptLibrary({"user": texts})
    manager = VersionManager(store)
    library = VersionedPromptLibrary(base, manager)
    version = asyncio.run(manager.create_version("greeting", "user", "kept", status=VersionStatus.DRAFT))
    asyncio.run(manager.promote_version(version.version_id, prompt_fingerprint(base.find_prompt("greeting"))))

    def served():
        return library.find_prompt("greeting")["template"]

    assert served() == "kept"
    assert library.served_version("greeting").version == "1.0.0"
    base.add_user_prompt("greeting", "edited")
    assert served() == "edited"
    assert library.served_version("greeting") is None
    base.add_user_prompt("greeting", "from the file")
    assert served() == "kept"
    assert [each.version for each in asyncio.run(manager.withdraw("greeting"))] == ["1.0.0"]
    assert served() == "from the file"
    assert asyncio.run(manager.withdraw("greeting")) == []
