"""The web page that a registry has for a repository or a tag, where its address follows from the name.

An address is made only of a fixed host, or the registry's own, and of the parsed parts of a reference, quoted. It is
always https. Nothing is requested here: whether the page exists, and who may see it, the browser shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from longshore.errors import InvalidInput
from longshore.registry.kinds import KINDS, kind_of_host

if TYPE_CHECKING:
    from longshore.oci.reference import Reference
    from longshore.registry.config import RegistryConfig

_HARBOR = "harbor"
_OFFICIAL = "library/"
_MICROSOFT = "mcr.microsoft.com"
_GALLERY = "public.ecr.aws"


def web_page(reference: Reference, config: RegistryConfig, make: str = "", project: int | None = None) -> str:
    """The address of the page of *reference*, a repository or a tag, in the registry that *config* describes.

    *make*: the vendor that was detected there, "" if that is not known. *project*: see :func:`needs_number`. Raises
    InvalidInput with the reason if there is no such page, or its address does not follow from the name. Any thread, no
    I/O.
    """
    if config.is_loopback:
        raise InvalidInput("A registry on this machine has no web page.")
    if config.insecure:
        raise InvalidInput("This registry may be reached without TLS. Longshore opens only https pages.")
    kind = _kind(config, make)
    if kind == _HARBOR:
        return _harbor(reference, project)
    page = _BY_HOST.get(config.host) or _BY_KIND.get(kind)
    if page is None:
        raise InvalidInput(
            "The address of the page does not follow from the image's name."
            if kind in KINDS and kind not in ("auto", "distribution")
            else "This registry has no known web page."
        )
    return page(reference)


def needs_number(config: RegistryConfig, make: str = "") -> bool:
    """Whether the page's address has the number of the project, which only ``Lister.project_number`` returns."""
    return _kind(config, make) == _HARBOR


def _kind(config: RegistryConfig, make: str) -> str:
    kind = config.kind if config.kind != "auto" else kind_of_host(config.host)
    return (make or "auto") if kind == "auto" else kind


def _harbor(reference: Reference, project: int | None) -> str:
    page = f"https://{reference.domain}/harbor/projects"
    if project is None:
        return page
    return f"{page}/{project}/repositories/{_one(reference.path.partition('/')[2])}"


def _quoted(path: str) -> str:
    return quote(path, safe="/")


def _one(name: str) -> str:
    return quote(name, safe="")


def _tag(before: str, reference: Reference, otherwise: str = "") -> str:
    return f"{before}{_one(reference.tag)}" if reference.tag else otherwise


def _hub(reference: Reference) -> str:
    path = reference.path
    if path.startswith(_OFFICIAL):
        page = f"https://hub.docker.com/_/{_quoted(path.removeprefix(_OFFICIAL))}"
    else:
        page = f"https://hub.docker.com/r/{_quoted(path)}"
    return page + _tag("/tags?name=", reference)


def _ghcr(reference: Reference) -> str:
    # The registry redirects a browser to the package's page, which is below a user or an organisation.
    return f"https://ghcr.io/{_quoted(reference.path)}"


def _quay(reference: Reference) -> str:
    page = f"https://{reference.domain}/repository/{_quoted(reference.path)}"
    return page + _tag("?tab=tags&tag=", reference)


def _gitlab(reference: Reference) -> str:
    if reference.domain != "registry.gitlab.com":
        raise InvalidInput("The address of this GitLab does not follow from that of its registry.")
    parts = reference.path.split("/")
    # Which of more than two parts is the project cannot be told from the name: the first two are it, or its group.
    page = f"https://gitlab.com/{_quoted('/'.join(parts[:2]))}"
    return f"{page}/container_registry" if len(parts) == 2 else page


def _gitea(reference: Reference) -> str:
    owner, _, name = reference.path.partition("/")
    if not name:
        raise InvalidInput("This name has no owner, so it has no page.")
    page = f"https://{reference.domain}/{_one(owner)}/-/packages/container/{_one(name)}"
    return page + _tag("/", reference)


def _ecr(reference: Reference) -> str:
    if reference.domain != _GALLERY:
        raise InvalidInput("Amazon's page of a private repository needs its region's console.")
    return f"https://gallery.ecr.aws/{_quoted(reference.path)}"


def _google(reference: Reference) -> str:
    location, found, _ = reference.domain.partition("-docker.pkg.dev")
    parts = reference.path.split("/")
    if not found or len(parts) < 3:
        raise InvalidInput("Only names with project, repository and image have a page.")
    project, repository, *package = parts
    place = "/".join(map(_one, (project, location, repository, "/".join(package))))
    return f"https://console.cloud.google.com/artifacts/docker/{place}"


def _microsoft(reference: Reference) -> str:
    page = f"https://mcr.microsoft.com/en-us/artifact/mar/{_quoted(reference.path)}"
    return page + ("/tags" if reference.tag else "/about")


_Page = Callable[["Reference"], str]
#: By the registry's host.
_BY_HOST: Mapping[str, _Page] = {_MICROSOFT: _microsoft}
#: By the vendor, a key of ``registry.kinds.KINDS``. Azure's pages need subscription and
#: group, those of Artifactory and Nexus the repository that a host may stand for.
_BY_KIND: Mapping[str, _Page] = {
    "hub": _hub,
    "ghcr": _ghcr,
    "quay": _quay,
    "gitlab": _gitlab,
    "gitea": _gitea,
    "ecr": _ecr,
    "google": _google,
}
