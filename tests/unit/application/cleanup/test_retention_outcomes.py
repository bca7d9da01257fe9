"""Any repository and any ticks, carried out on a simulated registry: exactly the outcome's tags go."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from longshore.application.cleanup.retention import outcome
from longshore.application.cleanup.tags import RepositoryContents, RepositoryTag
from longshore.oci.attached_tags import image_of
from longshore.oci.reference import Reference
from longshore.registry.model import Parts
from longshore.registry.tag_deletion import Way

IMAGES = [f"sha256:{number:064x}" for number in range(6)]
INDEXES = [f"sha256:{number:064x}" for number in range(10, 14)]
BLOBS = [f"sha256:{number:064x}" for number in range(100, 106)]
NAMES = [
    "1.0", "2.0", "3.0", "latest", "lts", "all", "dev",
    *(f"sha256-{digest[7:]}{end}" for digest in (IMAGES[0], IMAGES[1], INDEXES[0]) for end in ("", ".sig")),
]  # fmt: skip


@st.composite
def repositories(draw: st.DrawFn) -> tuple[RepositoryContents, set[str]]:
    parts = {
        digest: Parts(tuple((blob, 10 + BLOBS.index(blob)) for blob in draw(st.sets(st.sampled_from(BLOBS)))))
        for digest in IMAGES
    }
    for number, digest in enumerate(INDEXES):
        # An index may also name an index that was made before it.
        known = [*IMAGES, *INDEXES[:number]]
        parts[digest] = Parts(children=tuple(draw(st.sets(st.sampled_from(known), max_size=3))))
    pointed = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*IMAGES, *INDEXES])))
    tags = tuple(RepositoryTag(tag, digest) for tag, digest in sorted(pointed.items()))
    ticked = draw(st.sets(st.sampled_from(NAMES)))
    way = draw(st.sampled_from([Way.TAG, Way.IMAGE]))
    contents = RepositoryContents(Reference("r.example", "a"), tags, parts, way)
    return contents, {tag for tag in ticked if not image_of(tag)}


@settings(max_examples=150, deadline=None)
@given(repositories())
def test_exactly_the_tags_of_the_outcome_go(made: tuple[RepositoryContents, set[str]]) -> None:
    contents, ticked = made
    found = outcome(contents, ticked)
    tags = {one.tag: one.digest for one in contents.tags}
    manifests = set(contents.parts)
    for step in found.deletions:
        if step.whole:
            # A registry deletes by digest, with every tag that points to it.
            gone = {tag for tag, digest in tags.items() if digest == step.digest}
            assert gone == set(step.tags) and not step.staying
            manifests.discard(step.digest)
        else:
            assert contents.way is not Way.IMAGE
            gone = set(step.tags)
            assert {tag for tag, digest in tags.items() if digest == step.digest} - gone == set(step.staying)
        tags = {tag: digest for tag, digest in tags.items() if tag not in gone}
    before = {one.tag: one.digest for one in contents.tags}
    removed = before.keys() - tags.keys()
    assert removed == set(found.tags)
    # What was ticked goes, unless it is blocked; what was not ticked stays, but for what belongs to an image.
    assert removed - ticked == set(found.companions)
    assert (ticked & before.keys()) - removed == set(found.blocked)
    # Every image that a tag points to is whole.
    needed = {below for digest in tags.values() for below in contents.below(digest)}
    assert needed <= manifests
    # What belongs to an image goes with it, and only then.
    lost = {below for tag in removed & ticked for below in contents.below(before[tag])}
    for tag in found.companions:
        assert image_of(tag) in lost and image_of(tag) not in {
            below for other, digest in tags.items() if not image_of(other) for below in contents.below(digest)
        }
    # The bytes are those that nothing kept needs.
    stays = {below for digest in before.values() if digest in manifests for below in contents.below(digest)}
    every = {below for digest in before.values() for below in contents.below(digest)}
    kept = contents.blobs(stays)
    assert found.going == {blob: size for blob, size in contents.blobs(every).items() if blob not in kept}
    if contents.way is Way.IMAGE:
        for tag, by in found.blocked.items():
            assert any(before[tag] in contents.below(before[other]) for other in by if other in before)
