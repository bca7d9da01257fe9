"""Compares listing a registry: details of 1,000 tags with ``skopeo inspect`` in a loop, 5,000 repositories with curl.

    PYTHONPATH=tests .venv/bin/python benchmarks/listing.py [--runs N] [--sample N] [--latency SECONDS]

It uses a private docker-registry in memory, directly and over a connection with added latency, alternating in one run.
The details of a tag are its manifest and configuration, read by the window's client in 12 and 32 threads. skopeo starts
once per tag, without listing the tags. It is timed on a sample of the tags, because each takes about as long. On one
machine the registry's own work dominates: ``curl --parallel`` with all URLs known in advance shows how long that takes,
and the CPU time per tag is printed for both clients.

For repositories curl follows the Link header, with one process per page as a script would, and then runs once in one
process that knows all URLs in advance, which is the minimum that paging can cost.
"""

from __future__ import annotations

import argparse
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

from figures import heading, ratio, spread

from longshore.oci.manifest import ACCEPT, Manifest
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.details_cache import DetailsCache
from longshore.registry.listing import lister_for
from testbed.registry import PrivateRegistry
from testbed.storage import seed_many_repositories, seed_many_tags
from testbed.throttle import Throttle

REPOSITORIES = 5000
TAGS = 1000
TAGGED = "bench/tags"
#: Repositories per page, as the client requests.
PAGE = 200
_NEXT = re.compile(r"^link: *<([^>]+)>; *rel=\"next\"", re.IGNORECASE | re.MULTILINE)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that *work* takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def our_details(address: str, threads: int, cache: DetailsCache | None = None) -> None:
    """List the tags and read the details of each, with a client that has no connection yet."""
    client = RegistryClient(RegistryConfig(address), lambda _host: None, environ={}, details=cache)
    try:
        tags: list[str] = []
        page = None
        while True:
            found = client.tags(TAGGED, page)
            tags += found.items
            page = found.next
            if page is None:
                break

        def read(tag: str) -> object:
            return client.tag_details(TAGGED, tag)

        with ThreadPoolExecutor(threads) as pool:
            details = list(pool.map(read, tags))
        assert len(details) == TAGS
    finally:
        client.close()


def known_addresses(address: str, tags: list[str]) -> list[str]:
    """Return the URLs of the manifest and of the configuration of each of *tags*."""
    client = RegistryClient(RegistryConfig(address), lambda _host: None, environ={})
    try:
        found = []
        for tag in tags:
            manifest = client.manifest(TAGGED, tag)
            assert isinstance(manifest, Manifest)
            found.append(f"http://{address}/v2/{TAGGED}/manifests/{tag}")
            found.append(f"http://{address}/v2/{TAGGED}/blobs/{manifest.config.digest}")
        return found
    finally:
        client.close()


def curl_parallel(addresses: list[str], at_once: int) -> None:
    """Fetch all *addresses* with one curl: the registry's own time, with a client that costs next to nothing."""
    lines = "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in addresses)
    command = ["curl", "-sS", "--noproxy", "*", "-Z", "--parallel-max", str(at_once), "-K", "-"]
    accept = ["-H", f"Accept: {', '.join(ACCEPT)}"]
    subprocess.run([*command, *accept], input=lines, text=True, capture_output=True, check=True)


def processor(who: int) -> float:
    """Return the CPU seconds that *who* (``resource.RUSAGE_…``) has used so far."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def skopeo(address: str, tags: list[str]) -> None:
    """Run ``skopeo inspect`` for each of *tags*."""
    for tag in tags:
        image = f"docker://{address}/{TAGGED}:{tag}"
        subprocess.run(
            ["skopeo", "inspect", "--no-tags", "--tls-verify=false", image],
            stdout=subprocess.DEVNULL,
            check=True,
        )


def our_repositories(address: str) -> None:
    """Read all pages with the lister, with a client that has no connection yet."""
    config = RegistryConfig(address)
    client = RegistryClient(config, lambda _host: None, environ={})
    lister = lister_for(config, client, lambda _host: None, environ={})
    try:
        count, page = 0, None
        while True:
            found = lister.repositories(page)
            count += len(found.items)
            page = found.next
            if page is None:
                break
        assert count == REPOSITORIES + 1, count
    finally:
        lister.close()
        client.close()


def curl_pages(address: str) -> list[str]:
    """Fetch all pages with one curl each; return their URLs."""
    url, seen = f"http://{address}/v2/_catalog?n={PAGE}", []
    while True:
        seen.append(url)
        command = ["curl", "-sS", "--noproxy", "*", "-D", "-", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        link = _NEXT.search(done.stdout)
        if link is None:
            return seen
        url = urljoin(url, link[1])


def curl_known(urls: list[str]) -> None:
    """Fetch all pages with one curl over one connection."""
    outputs = [part for url in urls for part in ("-o", "/dev/null", url)]
    subprocess.run(["curl", "-sS", "--noproxy", "*", *outputs], check=True)


def measure(name: str, address: str, tags: list[str], runs: int, sample: int, folder: Path) -> None:
    """Print one table: medians of *runs*, alternating."""
    urls = curl_pages(address)
    step = max(1, len(tags) // sample)
    chosen = tags[::step][:sample]
    addresses = known_addresses(address, tags)
    seconds: dict[str, list[float]] = {}
    work_of: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        cache = DetailsCache(Path(kept))
        our_details(address, 32, cache)
        works: dict[str, Callable[[], object]] = {
            "skopeo": lambda: skopeo(address, chosen),
            "12 threads": lambda: our_details(address, 12),
            "32 threads": lambda: our_details(address, 32),
            "32 threads, kept on disk": lambda: our_details(address, 32, cache),
            "curl --parallel": lambda: curl_parallel(addresses, 32),
            "repositories": lambda: our_repositories(address),
            "curl per page": lambda: curl_pages(address),
            "one curl": lambda: curl_known(urls),
        }
        for _ in range(runs):
            for key, work in works.items():
                before = processor(resource.RUSAGE_SELF) + processor(resource.RUSAGE_CHILDREN)
                seconds.setdefault(key, []).append(timed(work))
                after = processor(resource.RUSAGE_SELF) + processor(resource.RUSAGE_CHILDREN)
                work_of.setdefault(key, []).append(after - before)
        cache.close()
    median = {key: statistics.median(values) for key, values in seconds.items()}
    loop = median["skopeo"] / len(chosen) * TAGS
    heading(f"listing, {name}: medians of {runs}")
    print(f"  {TAGS} tags: skopeo in a loop {loop:.1f} s (from {len(chosen)} of them)")
    for key in ("12 threads", "32 threads", "32 threads, kept on disk"):
        times = [
            one / len(chosen) * TAGS / ours for one, ours in zip(seconds["skopeo"], seconds[key], strict=True)
        ]
        print(f"    Longshore, {key}: {spread(seconds[key])} s, {spread(times, 1)} times faster")
    ratio(
        "details", seconds["32 threads"], "the registry alone (curl --parallel)", seconds["curl --parallel"]
    )
    ours = statistics.median(work_of["32 threads"]) / TAGS * 1000
    theirs = statistics.median(work_of["skopeo"]) / len(chosen) * 1000
    print(f"    CPU time per tag: Longshore {ours:.2f} ms, skopeo {theirs:.2f} ms, {theirs / ours:.0f} times")
    for key in ("curl per page", "one curl"):
        ratio(f"{REPOSITORIES} repositories in {len(urls)} pages", seconds["repositories"], key, seconds[key])


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sample", type=int, default=50, help="tags that skopeo inspects in each run")
    parser.add_argument("--latency", type=float, default=0.03, help="seconds added before each request")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with PrivateRegistry(root / "registry", in_memory=True) as registry:
            seed_many_repositories(registry, REPOSITORIES)
            tags = list(seed_many_tags(registry, TAGGED, TAGS))
            measure("direct", registry.address, tags, chosen.runs, chosen.sample, root)
            with Throttle(registry.address, latency=chosen.latency) as line:
                name = f"{chosen.latency * 1000:.0f} ms added"
                measure(name, line.address, tags, chosen.runs, chosen.sample, root)


if __name__ == "__main__":
    main()
