"""Kubernetes manifests and other YAML: every image, wherever it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from longshore.application.image_lists.model import Entry, Kind
from longshore.application.image_lists.reading import ListReader
from longshore.errors import InvalidInput


def entries(text: str, name: str = "x.yaml") -> list[Entry]:
    found = ListReader({}).parse(text.encode(), Path(name))
    assert found.kind is Kind.KUBERNETES
    for entry in found.entries:
        assert found.text[entry.span.start : entry.span.end] == entry.raw
    return list(found.entries)


def raw(text: str, name: str = "x.yaml") -> list[str]:
    return [one.raw for one in entries(text, name)]


POD = """\
# a pod
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
  - {name: first, image: "init:1"}
  containers:
  - name: app
    image: app:2   # the app
  - image: 'side:3'
  ephemeralContainers:
  - name: debug
    image: debug:4
  volumes:
  - {name: model, image: {reference: model:5, pullPolicy: Always}}
  - {name: disk, rbd: {monitors: [a], image: disk6}}
status:
  containerStatuses:
  - image: app:2-seen
"""


def test_all_kinds_of_containers_and_their_places() -> None:
    found = entries(POD)
    assert [(one.raw, one.where, one.span.line) for one in found] == [
        ("init:1", "Pod/web, init container first", 7),
        ("app:2", "Pod/web, container app", 10),
        ("side:3", "Pod/web, container", 11),
        ("debug:4", "Pod/web, ephemeral container debug", 14),
        ("model:5", "Pod/web, model", 16),
    ]
    assert all(one.reference is not None for one in found)


def test_several_documents_lists_and_custom_resources() -> None:
    text = (
        POD
        + "---\nkind: Service\napiVersion: v1\n---\n# nothing\n---\nkind: List\napiVersion: v1\nitems:\n"
        + "- {apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: "
        + "[{name: c, image: d:1}]}}}}\n...\n---\nkind: Prometheus\napiVersion: m/v1\nspec:\n  image: prom:6\n"
    )
    assert [(one.raw, one.where) for one in entries(text)][5:] == [
        ("d:1", "Deployment/d, container c"),
        ("prom:6", "Prometheus, spec"),
    ]


def test_json_is_yaml() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    assert raw(json.dumps(pod, indent=1), "x.json") == ["a:1"]
    assert raw(json.dumps(pod), "x.json") == ["a:1"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    assert raw("image: a:1\n---\nimage: b:2 \nimages: c\n".replace("\n", end)) == ["a:1", "b:2"]


def test_the_schema_of_a_resource_names_no_image() -> None:
    assert raw("properties:\n  image: {type: string, description: the image}\nrequired: [image]\n") == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("image: {{ .Values.image }}", "{{ .Values.image }}"),
        ("image: {{ .repo }}:{{ .tag }}", "{{ .repo }}:{{ .tag }}"),
        ('image: "repo:{{ .tag | default "x" }}"', 'repo:{{ .tag | default "x" }}'),
        ("image: {repository: repo, tag: 1}", "repo"),
        ("image: {name: repo, tag: 1}", "repo"),
        ("image: repo:${TAG}", "repo:${TAG}"),
        ("image: ''", ""),
        ("image:", ""),
        ("image: a b", "a b"),
        ("image: |\n    x:1\n", "x:1"),  # with a line break at its end
    ],
)
def test_unresolved(text: str, written: str) -> None:
    (found,) = entries(f"spec:\n  {text}\n")
    assert found.unresolved and found.problem is not None
    assert found.raw == written


def test_a_template_of_a_chart_is_read_around_its_actions() -> None:
    text = (
        "{{- if .Values.on }}\nkind: Pod\napiVersion: v1\nmetadata:\n  name: {{ .name }}\n"
        '  labels:\n    {{- include "labels" . | nindent 4 }}\n{{/* a\ncomment */}}\nspec:\n  containers:\n'
        "  {{- range .c }}\n  - image: {{ . }}\n  {{- end }}\n  - name: fixed\n    image: fixed:1\n{{- end }}\n"
    )
    assert [(one.raw, one.unresolved) for one in entries(text)] == [("{{ . }}", True), ("fixed:1", False)]


def test_an_alias_names_its_image_once() -> None:
    assert raw("a: {image: &i x:1}\nb: {image: *i}\nc: &c {image: y:1, d: *c}\n") == ["x:1", "y:1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('image: &a "x:1"', "x:1"),
        ("image: !!str x:1", "x:1"),
        ("image: >-\n  x:1\n", "x:1"),
        ("image: |-\n    x:1\n", "x:1"),
        ("? image\n: x:1\n", "x:1"),
        ("\ufeffimage: x:1\n", "x:1"),
        ("%YAML 1.2\n---\nimage: x:1\n", "x:1"),
        ("{image: x:1}", "x:1"),
        ("a: é\nb: 🐳\nimage: x:1", "x:1"),
    ],
)
def test_the_exact_text_is_found(text: str, expected: str) -> None:
    (found,) = entries(text)
    assert found.raw == found.tail == expected


def test_a_template_that_is_no_yaml_is_to_be_rendered_first() -> None:
    with pytest.raises(InvalidInput) as caught:
        entries("a: {{ .x }}: b: [\nimage: x\n")
    assert caught.value.advice == "Render the template first, for example with helm template."


@pytest.mark.parametrize(
    "value",
    [
        "true",
        "False",
        "yes",
        "OFF",
        "5",
        "-5",
        "1.5",
        "1e3",
        ".inf",
        ".NaN",
        "0x1F",
        "0o17",
        "Null",
        "&a 5",
        "!!int 5",
    ],
)
def test_a_number_or_boolean_is_no_image(value: str) -> None:
    (found,) = entries(f"a: {{image: {value}}}\nb: c\n")
    assert found.unresolved and found.reference is None
    assert found.problem is not None and found.problem.message == (
        "This is a number or a boolean in YAML, not an image."
    )


@pytest.mark.parametrize(
    "value", ["'true'", '"5"', "!!str 5", "!!str true", "trueish", "5a", "on/off", "1.5:1"]
)
def test_a_text_is_an_image_whatever_it_looks_like(value: str) -> None:
    (found,) = entries(f"a: {{image: {value}}}\n")
    assert found.reference is not None


def test_a_block_is_a_text() -> None:
    (found,) = entries("a:\n  image: >-\n    5\n")
    assert found.reference is not None


def test_json() -> None:
    bad, good = entries('[{"image": 5}, {"image": "5"}]', "x.json")
    assert bad.problem is not None and good.reference is not None
