"""What goes when images are removed from an engine or the library."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.application.removal import carry_out, plan
from longshore.engine.container_model import Container, ContainerState
from longshore.engine.model import ImageDetails
from longshore.errors import ImageInUse, VerificationFailed
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def row(name: str, image_id: str, in_use: int = 0) -> LocalImage:
    return LocalImage(Reference.parse(name) if name else None, image_id, None, 1, in_use)


def container(name: str, state: ContainerState = ContainerState.EXITED) -> Container:
    return Container(id=f"{name}-id", name=name, state=state)


USERS = {ONE: [container("job"), container("old", ContainerState.CREATED)]}
LISTED = [row("a:1", ONE, 2), row("a:2", ONE, 2), row("b:1", TWO), row("", f"sha256:{'3' * 64}")]


def told(*names: ImageName) -> list[tuple[str, int, bool, int]]:
    return [(one.image.name.shown, one.staying, one.last, one.containers) for one in plan(LISTED, names)]


def test_a_name_goes_and_the_image_with_the_last() -> None:
    assert told(LISTED[0].name) == [("a:1", 1, False, 0)]
    assert told(LISTED[1].name, LISTED[0].name) == [("a:1", 0, False, 2), ("a:2", 0, True, 2)]
    assert told(LISTED[2].name, LISTED[3].name) == [("b:1", 0, True, 0), ("3" * 12, 0, True, 0)]


def test_an_id_means_the_image_with_all_its_names() -> None:
    assert told(ImageName(None, ONE)) == [("a:1", 0, False, 2), ("a:2", 0, True, 2)]
    assert told(ImageName(None, ONE), LISTED[0].name) == [("a:1", 0, False, 2), ("a:2", 0, True, 2)]
    assert told() == []


class Store:
    """Records what is removed. *moved*: what names point to by now, if elsewhere; *names*: of each image."""

    def __init__(self) -> None:
        self.removed: list[tuple[str, bool]] = []
        self.moved: dict[str, str] = {}
        self.names: tuple[str, ...] = ()

    def image(self, name: str) -> ImageDetails:
        listed = {image.name.asked: image.image_id for image in LISTED}
        references = tuple(map(Reference.parse, self.names))
        return ImageDetails(self.moved.get(name, listed.get(name, name)), references, (), None, 1, None, ())

    def remove(self, name: str, force: bool = False) -> None:
        self.removed.append((name, force))


def test_only_what_was_shown_is_removed() -> None:
    store: Any = Store()
    (one,) = plan(LISTED, [LISTED[2].name])
    with pytest.raises(VerificationFailed, match="moved to another image"):
        carry_out(store, one, [row("b:1", ONE)], force=True)
    used = plan(LISTED, [ImageName(None, ONE)])
    with pytest.raises(ImageInUse):
        carry_out(store, used[0], LISTED, force=False)
    assert store.removed == []
    carry_out(store, one, LISTED, force=True)
    (unnamed,) = plan(LISTED, [LISTED[3].name])
    carry_out(store, unnamed, LISTED, force=False)
    assert store.removed == [("docker.io/library/b:1", False), (LISTED[3].image_id, False)]


def test_a_name_that_was_moved_after_the_list_is_kept() -> None:
    store: Any = Store()
    store.moved["docker.io/library/b:1"] = ONE
    (one,) = plan(LISTED, [LISTED[2].name])
    for force in (False, True):
        with pytest.raises(VerificationFailed, match="moved to another image") as raised:
            carry_out(store, one, LISTED, force=force)
        assert raised.value.subject == "b:1"
    assert store.removed == []


def test_an_image_that_got_a_name_after_the_list_is_kept() -> None:
    store: Any = Store()
    store.names = ("new:1",)
    (unnamed,) = plan(LISTED, [LISTED[3].name])
    with pytest.raises(VerificationFailed, match="got a name meanwhile"):
        carry_out(store, unnamed, LISTED, force=False)
    _, last = plan(LISTED, [ImageName(None, ONE)], USERS)
    store.names = ("docker.io/library/a:2", "new:1")
    with pytest.raises(VerificationFailed, match="got a name meanwhile"):
        carry_out(store, last, LISTED[1:], force=True)
    assert store.removed == []
    store.names = ("docker.io/library/a:2",)
    carry_out(store, last, LISTED[1:], force=True)
    assert store.removed == [(ONE, True)]


def test_force_takes_the_image_by_its_id_with_the_last_name() -> None:
    store: Any = Store()
    first, last = plan(LISTED, [ImageName(None, ONE)], USERS)
    assert [user.name for user in first.holders] == ["job", "old"] and first.running == ()
    carry_out(store, first, LISTED, force=True)
    carry_out(store, last, LISTED[1:], force=True)
    assert store.removed == [("docker.io/library/a:1", False), (ONE, True)]
    with pytest.raises(VerificationFailed, match="got a name meanwhile") as raised:
        carry_out(store, last, [row("a:2", ONE), row("new:1", ONE)], force=True)
    assert raised.value.subject == "new:1" and len(store.removed) == 2


def test_an_image_of_a_running_container_is_kept_even_by_force() -> None:
    store: Any = Store()
    (one,) = plan(LISTED, [LISTED[2].name], {TWO: [container("web", ContainerState.PAUSED), container("x")]})
    assert one.containers == 2 and [user.name for user in one.running] == ["web"]
    for force in (False, True):
        with pytest.raises(ImageInUse, match=r"A running container uses the image: web\.") as raised:
            carry_out(store, one, LISTED, force=force)
        assert raised.value.advice == "Stop and remove the container first."
    assert store.removed == []


def test_an_image_of_stopped_containers_names_them() -> None:
    store: Any = Store()
    (_, last) = plan(LISTED, [ImageName(None, ONE)], USERS)
    with pytest.raises(ImageInUse, match=r"Containers use the image: job, old\."):
        carry_out(store, last, LISTED, force=False)
    many = {ONE: [container(f"c{number}") for number in range(9)]}
    with pytest.raises(ImageInUse, match=r"c6, c7, …\."):
        carry_out(store, plan(LISTED, [ImageName(None, ONE)], many)[0], LISTED, force=False)


def test_containers_of_an_image_that_keeps_a_name_do_not_matter() -> None:
    (one,) = plan(LISTED, [LISTED[0].name], {ONE: [container("web", ContainerState.RUNNING)]})
    assert (one.containers, one.holders, one.running) == (0, (), ())
    (free,) = plan(LISTED, [LISTED[2].name], {})
    assert free.users == () and free.containers == 0
    stale = plan([row("c:1", TWO, in_use=1)], [ImageName(Reference.parse("c:1"))], {})
    assert stale[0].containers == 0, "what is known of containers is newer than their number in the list"
