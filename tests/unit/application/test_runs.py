"""What is entered to run a container: how it is read, what is refused, and the lines that do the same."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.application.run_lines import docker_line, has_secrets, longshore_line, port_text
from longshore.application.runs import (
    RunForm,
    command_text,
    defaults,
    parse_command,
    parse_mount,
    parse_name,
    parse_port,
    parse_variable,
    parse_volume,
    read_form,
)
from longshore.application.terminal import EngineName
from longshore.cli import runs as command
from longshore.engine.container_model import Mount, Port, RunRequest
from longshore.engine.model import ImageDetails
from longshore.errors import InvalidInput, RunField


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("8080:80", Port(80, 8080)),
        (" 8080:80/UDP ", Port(80, 8080, protocol="udp")),
        ("127.0.0.1:8080:80/udp", Port(80, 8080, "127.0.0.1", "udp")),
        ("127.0.0.1::80", Port(80, 0, "127.0.0.1")),
        ("[::1]:8080:80", Port(80, 8080, "::1")),
        ("::1:8080:80", Port(80, 8080, "::1")),
        ("80", Port(80)),
        (":80", Port(80)),
        ("1:65535/sctp", Port(65535, 1, protocol="sctp")),
    ],
)
def test_ports(text: str, port: Port) -> None:
    assert parse_port(text) == port
    assert parse_port(port_text(port)) == port


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "from 1 to 65535"),
        ("a", "from 1 to 65535"),
        ("0:80", "from 1 to 65535"),
        ("8080:65536", "from 1 to 65535"),
        ("²:80", "from 1 to 65535"),
        ("99999999999999:80", "from 1 to 65535"),
        ("8080:80:", "not an IP address"),
        ("8000-8010:8000-8010", "one by one"),
        ("80/icmp", "tcp, udp or sctp"),
        ("80/", "tcp, udp or sctp"),
        ("localhost:8080:80", "not an IP address"),
    ],
)
def test_wrong_ports(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as wrong:
        parse_port(text)
    assert "8080:80" in wrong.value.advice


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/srv:/data", Mount("/srv", "/data")),
        ("/srv:/data:ro", Mount("/srv", "/data", read_only=True)),
        ("/srv:/data:rw", Mount("/srv", "/data")),
        ("cache:/var/cache:ro", Mount("cache", "/var/cache", read_only=True, volume=True)),
        ("/var/cache", Mount("", "/var/cache", volume=True)),
        ("/var/cache:ro", Mount("", "/var/cache", read_only=True, volume=True)),
        (r"C:\data:/data", Mount(r"C:\data", "/data")),
        ("./here:/data", Mount("/home/ann/here", "/data")),
        ("../up:/data", Mount("/home/ann/../up", "/data")),
        (".:/data", Mount("/home/ann", "/data")),
        ("/with space:/data", Mount("/with space", "/data")),
    ],
)
def test_volumes(text: str, mount: Mount) -> None:
    assert parse_volume(text, Path("/home/ann")) == mount


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begin with “/”"),
        ("/srv:data", "begin with “/”"),
        ("/srv:/", "begin with “/”"),
        ("a b:/data", "neither an absolute path"),
        ("sub/folder:/data", "neither an absolute path"),
        ("./here:/data", "not absolute"),
        ("~/here:/data", "not absolute"),
        ("/a:/b:/c", "may end with “:ro”"),
        ("/a:/b:z", "may end with “:ro”"),
        ("/a:/b\0", "NUL"),
        ("/a:/b\nc", "control characters"),
        ("/" + "a" * 40_000, "too long"),
    ],
)
def test_wrong_volumes(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_volume(text)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("type=bind,source=/a:b,target=/data,readonly", Mount("/a:b", "/data", read_only=True)),
        ("type=bind,src=/a,dst=/data,ro=false", Mount("/a", "/data")),
        ('type=bind,"source=/a,b",destination=/data', Mount("/a,b", "/data")),
        ("type=volume,source=v,target=/data", Mount("v", "/data", volume=True)),
        ("target=/data", Mount("", "/data", volume=True)),
    ],
)
def test_mounts(text: str, mount: Mount) -> None:
    assert parse_mount(text) == mount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type=tmpfs,target=/x",
        "type=bind,source=relative,target=/x",
        "type=bind,target=/x",
        "type=bind,source=/a,source=/b,target=/x",
        "type=bind,source=/a,target=/x,bind-propagation=shared",
        "type=bind,source=/a,target=/x,readonly=maybe",
        'type=bind,"source=/a',
        "a\nb",
    ],
)
def test_wrong_mounts(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_mount(text)


def test_commands() -> None:
    assert parse_command("sh -c 'echo \"$HOME\" *' # no comment") == (
        *("sh", "-c", 'echo "$HOME" *', "#", "no", "comment"),
    )
    assert parse_command("  ") == ()
    assert parse_command(("a b", "")) == ("a b", "")
    with pytest.raises(InvalidInput, match="not closed"):
        parse_command("sh -c 'echo")
    with pytest.raises(InvalidInput, match="not closed"):
        parse_command("a\\")
    with pytest.raises(InvalidInput, match="NUL"):
        parse_command(("a", "b\0"))


@given(st.lists(st.text(st.characters(exclude_characters="\0")), max_size=5).map(tuple))
def test_a_command_is_shown_so_that_it_can_be_read_again(words: tuple[str, ...]) -> None:
    assert parse_command(command_text(words)) == words


def test_names_and_variables() -> None:
    assert parse_name(" web-1.x_y ") == "web-1.x_y"
    assert parse_name("") == ""
    for text in ("-web", "w", "a b", "ä", "x" * 300):
        with pytest.raises(InvalidInput, match="not a name"):
            parse_name(text)
    here = {"HERE": "value", "": "x"}.get
    assert parse_variable("A=b=c", here) == ("A", "b=c")
    assert parse_variable("A=", here) == ("A", "")
    assert parse_variable("HERE", here) == ("HERE", "value")
    assert parse_variable("GONE", here) is None
    for text in ("=x", "", "A B=c", "A\tB=c"):
        with pytest.raises(InvalidInput, match="name is missing"):
            parse_variable(text, here)


def test_every_field_is_judged_alone() -> None:
    form = RunForm(
        image="app",
        command="'",
        name="-",
        entrypoint="a\nb",
        ports=("80", "x"),
        environment=(("", "x"),),
        volumes=("a",),
        network="a b",
        working_directory="rel",
        user="a b",
    )
    request, wrong = read_form(form)
    assert request is None
    assert set(wrong) == set(RunField) - {RunField.IMAGE}
    assert all(error.advice for error in wrong.values())
    request, wrong = read_form(replace(form, command="", name="web"))
    assert request is None
    assert set(wrong) == set(RunField) - {RunField.IMAGE, RunField.COMMAND, RunField.NAME}


def test_exposed_ports_are_offered_but_not_published() -> None:
    details = ImageDetails("sha256:1", (), (), None, 1, None, (), ports=("53/udp", "8080/tcp"))
    form = defaults("app", details)
    assert form.ports == (":53/udp", ":8080/tcp")


WHOLE = RunRequest(
    image="registry.example:5000/team/app:1.0",
    command=("sh", "-c", "echo '$HOME' \"x\"", "", "--rm"),
    name="web",
    entrypoint="/bin/a b",
    ports=(Port(80, 8080), Port(53, 53, "127.0.0.1", "udp"), Port(1, 2, "::1"), Port(9000)),
    publish_all=True,
    environment=(("LANG", "C"), ("EMPTY", ""), ("GREETING", "good 'day' = $x\n"), ("DB_PASSWORD", "hunter2")),
    mounts=(
        Mount("cache", "/c", volume=True, read_only=True),
        Mount("/srv/a b", "/data", read_only=True),
        Mount('/srv/a,"b', "/da:ta"),
        Mount("cache", "/c:d", volume=True),
        Mount("", "/anonymous", volume=True),
    ),
    network="host",
    working_directory="/srv",
    user="1000:1000",
    remove=True,
    detach=False,
)


def read_again(line: str, program: list[str]) -> RunRequest:
    """The request that the command line makes of *line*: its options are those of docker run."""
    words = shlex.split(line)
    assert words[: len(program)] == program
    parser = argparse.ArgumentParser()
    command.add("run", parser)
    request, wrong = command.request_of(parser.parse_args(words[len(program) :]), {})
    assert request is not None, wrong
    return request


@pytest.mark.parametrize(
    "request_",
    [
        WHOLE,
        replace(WHOLE, detach=True, remove=False, publish_all=False),
        RunRequest("app"),
        RunRequest("sha256:" + "a" * 64, ("ls", "-l"), network="-odd", user="-1"),
        RunRequest("app", environment=(("-A", "-b"),), mounts=(Mount("/-x", "/-y"),)),
    ],
    ids=["everything", "detached", "nothing", "odd words", "dashes"],
)
def test_the_lines_mean_the_same(request_: RunRequest) -> None:
    here = EngineName()
    assert read_again(docker_line(request_, here, secrets=True), ["docker", "run"]) == request_
    assert read_again(longshore_line(request_, here, secrets=True), ["longshore", "run"]) == request_


_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_PATH = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(lambda text: f"/{text}x")


@given(
    st.builds(
        RunRequest,
        image=st.just("app:1"),
        command=st.lists(_TEXT, max_size=3).map(tuple),
        environment=st.lists(st.tuples(st.sampled_from(["A", "PASSWORD"]), _TEXT), max_size=2).map(tuple),
        mounts=st.lists(st.builds(Mount, _PATH, _PATH, st.booleans()), max_size=2).map(tuple),
        remove=st.booleans(),
    )
)
def test_any_text_survives_the_line(request_: RunRequest) -> None:
    assert read_again(docker_line(request_, EngineName(), secrets=True), ["docker", "run"]) == request_


def test_engines_are_named() -> None:
    request = RunRequest("app")
    assert docker_line(request, EngineName(context="farm")) == "docker --context farm run app"
    assert docker_line(request, EngineName(url="ssh://x")) == "docker -H ssh://x run app"
    assert longshore_line(request, EngineName(context="farm")) == "longshore run --engine farm app"
    assert longshore_line(request, EngineName(url="ssh://x")) == "longshore run --engine ssh://x app"
    assert docker_line(request, None) == longshore_line(request, None) == ""


def test_secrets_are_shown_only_on_request() -> None:
    request = RunRequest(
        "app",
        environment=(
            ("DB_PASSWORD", "hunter2"),
            ("PROXY", "http://ann:pw@proxy:3128"),
            ("API_TOKEN", ""),
            ("LANG", "C"),
        ),
    )
    for line_of in (docker_line, longshore_line):
        shown = line_of(request, EngineName())
        assert "hunter2" not in shown and "ann:pw" not in shown
        assert "'DB_PASSWORD=***'" in shown and "LANG=C" in shown and "API_TOKEN=" in shown
        assert "hunter2" in line_of(request, EngineName(), secrets=True)
    assert has_secrets(request)
    assert not has_secrets(RunRequest("app", environment=(("LANG", "C"), ("API_TOKEN", ""))))
    assert "hunter2" not in repr(request)
