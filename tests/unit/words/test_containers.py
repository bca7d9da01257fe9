"""Text about the containers of an image."""

from __future__ import annotations

from longshore.engine.container_model import Container, ContainerState
from longshore.words import containers


def made(name: str, state: ContainerState = ContainerState.RUNNING, code: int | None = None) -> Container:
    return Container(id="0123456789abcdef", name=name, state=state, status="Up <b>", exit_code=code)


def test_names_of_few_and_of_many() -> None:
    assert (
        containers.named([made("web"), made("job", ContainerState.EXITED, 1)])
        == "web, running; job, exited (1)"
    )
    assert containers.name(made("")) == "0123456789ab"
    assert containers.named([]) == containers.names([]) == ""
    many = [made(f"c{number}") for number in range(10)]
    assert containers.named(many).endswith("c7, running; 2 more")
    assert containers.names(many) == "c0, c1, c2, c3, c4, c5, c6, c7, …"


def test_what_force_does_depends_on_the_engine() -> None:
    assert "also removes" in containers.consequence(podman=True)
    assert "are kept" in containers.consequence(podman=False)


def test_what_podman_has_removed() -> None:
    assert containers.also_removed([]) == ""
    assert containers.also_removed([made("job")]) == "Podman also removed the container job."
    two = [made("job"), made("")]
    assert containers.also_removed(two) == "Podman also removed these containers: job, 0123456789ab."
