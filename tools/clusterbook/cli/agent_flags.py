"""The flags of whatever runs pods of ours: the agent, and checks that run something.

Source: reference rows S25-S30, V15, V18. Part of a judgement that has to be quick, so an agent is imported for those
who ask for one.
"""

from __future__ import annotations

from clusterbook.cli.command import Request
from clusterbook.cli.flags import Flag
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterbook.collect.agent_manifests import Agent

NAMESPACE, JOB_NAME, TIMEOUT = "default", "clusterbook-snapshot", "5m"
AGENT = (
    Flag("agent", ("--agent",), "Also capture a node, with a Job in the cluster."),
    Flag("print_manifests", ("--print-manifests",), "Print the manifests that --agent would apply, and apply nothing."),
    Flag("namespace", ("--namespace", "-n"), "Namespace of the Job.", "NAME", default=NAMESPACE),
    Flag("image", ("--image",), "Image of the Job.", "IMAGE"),
    Flag("image_pull_secret", ("--image-pull-secret",), "Its pull secret. May be repeated.", "NAME", repeated=True),
    Flag("job_name", ("--job-name",), "Name of the Job.", "NAME", default=JOB_NAME),
    Flag("service_account_name", ("--service-account-name",), "Service account; default: one of its own.", "NAME"),
    Flag("node_selector", ("--node-selector",), "Nodes it may run on; without a Job, nodes to validate.", "KEY=VALUE",
         repeated=True),
    Flag("toleration", ("--toleration",), "Taints the Job tolerates; default: all. May be repeated.",
         "KEY[=VALUE][:EFFECT]", repeated=True),
    Flag("require_gpu", ("--require-gpu",), "Request a GPU for the Job, and fail without one."),
    Flag("runtime_class", ("--runtime-class",), "Runtime class of the Job.", "NAME"),
    Flag("requests", ("--requests",), "Resource requests of the Job.", "NAME=QUANTITY,…"),
    Flag("limits", ("--limits",), "Resource limits of the Job.", "NAME=QUANTITY,…"),
    Flag("privileged", ("--privileged",), "Run as root with the node's files and devices, to read everything."),
    Flag("timeout", ("--timeout",), "Time limit of the Job.", "DURATION", default=TIMEOUT),
    Flag("no_cleanup", ("--no-cleanup",), "Keep everything that was created in the cluster."),
)  # fmt: skip

OF_AGENTS = tuple(
    flag.key
    for flag in AGENT
    if flag.key not in ("agent", "print_manifests", "namespace", "node_selector", "toleration", "no_cleanup")
)
"""The keys of flags about the agent's Job, and nothing else."""


def read_agent(request: Request) -> Agent:
    """Return the agent that a request asks for.

    Raises:
        InvalidRequest: a flag is not written as it must be.
    """
    from clusterbook import __version__
    from clusterbook.collect.agent_manifests import Agent, check
    from clusterbook.documents.scalars import duration_s
    from clusterbook.kubernetes.placement import Placement, read_quantities, read_selector, read_tolerations
    from clusterbook.publisher.agent import agent_image

    placement = Placement(
        read_selector(request.lists.get("node_selector", ())),
        read_tolerations(request.lists.get("toleration", ())),
        request.text("runtime_class"),
        read_quantities(request.text("requests")),
        read_quantities(request.text("limits")),
        "require_gpu" in request.switches,
    )
    return check(
        Agent(
            namespace=request.text("namespace", NAMESPACE),
            image=request.text("image") or agent_image(__version__),
            name=request.text("job_name", JOB_NAME),
            account=request.text("service_account_name"),
            pull_secrets=request.lists.get("image_pull_secret", ()),
            privileged="privileged" in request.switches,
            placement=placement,
            timeout_s=int(duration_s(request.text("timeout", TIMEOUT))),
        )
    )


def manifests_text(agent: Agent, form: str) -> str:
    """Return what an agent is made of, as kubectl takes it."""
    import json

    from clusterbook.collect.agent_manifests import manifests
    from clusterbook.documents.yaml_writer import dump

    found = manifests(agent)
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": found}, indent=2) + "\n"
    return "---\n".join(dump(each) for each in found)
