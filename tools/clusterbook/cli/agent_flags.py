"""The flags of whatever runs pods of ours: the agent, and checks that run something.

Knows their names and what they make of words. Does not know what runs. Source: reference rows S25-S30, V15, V18.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from clusterbook import __version__
from clusterbook.collect.agent_manifests import NAME, Agent, check, image_of
from clusterbook.documents.scalars import duration_s
from clusterbook.kubernetes.placement import Placement, read_quantities, read_selector, read_tolerations

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--agent", is_flag=True, help="Look into a node, too, by a Job in the cluster."),
    click.option("--print-manifests", is_flag=True, help="Print what --agent would apply, and do nothing."),
    click.option("--namespace", "-n", default="default", envvar="CLUSTERBOOK_NAMESPACE", metavar="NAME",
                 help="Namespace of the Job.", show_default=True),
    click.option("--image", default="", envvar="CLUSTERBOOK_IMAGE", metavar="IMAGE", help="Image of the Job."),
    click.option("--image-pull-secret", multiple=True, metavar="NAME", help="Secret to pull it. May be repeated."),
    click.option("--job-name", default=NAME, metavar="NAME", help="Name of the Job.", show_default=True),
    click.option("--service-account-name", default="", metavar="NAME", help="Its service account. Default: its own."),
    click.option("--node-selector", multiple=True, metavar="KEY=VALUE", help="Nodes it may run on. May be repeated."),
    click.option("--toleration", multiple=True, metavar="KEY[=VALUE][:EFFECT]",
                 help="Taints it tolerates; default: all. May be repeated."),
    click.option("--require-gpu", is_flag=True, envvar="CLUSTERBOOK_REQUIRE_GPU", help="Ask for a GPU, or fail."),
    click.option("--runtime-class", default="", envvar="CLUSTERBOOK_RUNTIME_CLASS", metavar="NAME",
                 help="Its runtime class."),
    click.option("--requests", default="", envvar="CLUSTERBOOK_REQUESTS", metavar="NAME=QUANTITY,…",
                 help="What it asks for."),
    click.option("--limits", default="", envvar="CLUSTERBOOK_LIMITS", metavar="NAME=QUANTITY,…",
                 help="What it may use at most."),
    click.option("--privileged", is_flag=True, help="As root, with the machine's files and devices: sees everything."),
    click.option("--timeout", default="5m", metavar="DURATION", help="How long it may take.", show_default=True),
    click.option("--no-cleanup", is_flag=True, help="Leave everything in the cluster."),
)  # fmt: skip


def agent_options(command: Command) -> Command:
    """Add the flags to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


NAMES = frozenset(
    "agent print_manifests namespace image image_pull_secret job_name service_account_name node_selector toleration"
    " require_gpu runtime_class requests limits privileged timeout no_cleanup".split()
)
"""The parameters of those flags."""


def typed() -> frozenset[str]:
    """Return the parameters of the command that runs which the command line or the environment has set."""
    context = click.get_current_context()
    unset = (None, ParameterSource.DEFAULT)
    return frozenset(name for name in context.params if context.get_parameter_source(name) not in unset)


def read_agent(given: Mapping[str, Any]) -> Agent:
    """Return the agent that flags ask for.

    Raises:
        InvalidRequest: a flag is not written as it must be.
    """
    placement = Placement(
        read_selector(given["node_selector"]),
        read_tolerations(given["toleration"]),
        given["runtime_class"],
        read_quantities(given["requests"]),
        read_quantities(given["limits"]),
        given["require_gpu"],
    )
    return check(
        Agent(
            namespace=given["namespace"],
            image=given["image"] or image_of(__version__),
            name=given["job_name"],
            account=given["service_account_name"],
            pull_secrets=tuple(given["image_pull_secret"]),
            privileged=given["privileged"],
            placement=placement,
            timeout_s=int(duration_s(given["timeout"])),
        )
    )
