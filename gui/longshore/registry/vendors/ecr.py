"""Amazon Elastic Container Registry.

"Using HTTP API authentication" (https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html): the
password is a token valid for 12 hours, which docker's helper ecr-login fetches
(https://github.com/awslabs/amazon-ecr-credential-helper). DescribeRepositories requires signatures by AWS keys, which
Longshore does not have, so repositories are listed by the registry's catalogue and tags by its lists. The public
gallery (public.ecr.aws) has no catalogue.
"""

from __future__ import annotations

from typing import Any

from longshore.cancellation import Cancellation
from longshore.errors import AccessDenied, ListingUnsupported, SignInFailed, SignInRequired
from longshore.registry.model import Page
from longshore.registry.vendors.base import PIN
from longshore.registry.vendors.catalogue import CatalogueLister
from longshore.registry.vendors.protocol import RepositoryInfo

_ADVICE = (
    "Amazon ECR passwords expire after 12 hours: set up the credential helper ecr-login in docker's "
    "config.json, or repeat “aws ecr get-login-password | docker login”."
)


class EcrLister(CatalogueLister):
    """Lists by the catalogue; errors explain refusals in Amazon's terms."""

    kind = "ecr"

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        """See ``protocol.Lister``."""
        where: dict[str, Any] = {"registry": self._config.host, "advice": f"{_ADVICE} {PIN}"}
        try:
            return super().repositories(page, query, cancellation=cancellation)
        except SignInRequired as error:
            raise SignInRequired(
                "Amazon ECR requires you to sign in.", detail=error.detail, **where
            ) from error
        except SignInFailed as error:
            message = "Amazon ECR refused the password; it may have expired."
            raise SignInFailed(message, detail=error.detail, **where) from error
        except (AccessDenied, ListingUnsupported) as error:
            message = "Amazon ECR does not list its repositories for you."
            raise ListingUnsupported(message, detail=error.detail, **where) from error
