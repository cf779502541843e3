/* Which recipes fit a cluster: its snapshot against the criteria and constraints of every recipe, here in the browser.
   The same rules as `clusterbook fit`, held to it by tests: every node that has a GPU is judged, and what was not
   measured, or not seen whole, is never taken for granted. */
"use strict";
(() => {
  const PROVIDERS = { aws: "eks", gce: "gke", azure: "aks", oci: "oke", linode: "lke" };
  const CLOUDS = { eks: "AWS", gke: "Google Cloud", aks: "Azure", oke: "Oracle Cloud", lke: "Linode" };
  const BUILDS = [[/-eks-/, "eks"], [/-gke\./, "gke"], [/\+rke2r/, "rke2"], [/[+-]k3s/, "k3s"], [/\+k0s/, "k0s"], [/-aliyun/, "ack"], [/-tke\./, "tke"], [/\+vmware|\+fips-vmware/, "tkg"]];
  const SERVICE_LABELS = [["node.openshift.io/os_id", "ocp"], ["eks.amazonaws.com/", "eks"], ["cloud.google.com/gke-nodepool", "gke"], ["kubernetes.azure.com/cluster", "aks"], ["kubernetes.azure.com/agentpool", "aks"], ["oke.oraclecloud.com/", "oke"], ["lke.linode.com/", "lke"]];
  const TELLING = ["eks", "gke", "aks", "ocp", "lke", "kind"], NAMED = [...Object.values(PROVIDERS), "kind", "ocp"];
  const SYSTEMS = { amzn: "amazonlinux", amazon: "amazonlinux", al2: "amazonlinux", al2023: "amazonlinux", redhat: "rhel", redhatenterpriselinux: "rhel", rhcos: "rhel" };
  ["ubuntu", "rhel", "cos", "amazonlinux", "ol", "talos"].forEach((name) => { SYSTEMS[name] = name; });
  const IMAGES = [["container-optimized os", "cos"], ["red hat enterprise linux coreos", "rhcos"], ["red hat coreos", "rhcos"], ["red hat", "rhel"], ["amazon linux", "amzn"], ["oracle linux", "ol"], ["microsoft azure linux", "azurelinux"], ["azure linux", "azurelinux"], ["cbl-mariner", "mariner"], ["suse linux enterprise server", "sles"], ["opensuse leap", "opensuse-leap"], ["flatcar", "flatcar"], ["ubuntu core", "ubuntu-core"], ["opensuse microos", "opensuse-microos"], ["opensuse tumbleweed", "opensuse-tumbleweed"], ["suse linux enterprise micro", "sle-micro"], ["suse linux micro", "sl-micro"], ["alibaba cloud linux", "alinux"]];
  const ACCELERATORS = ["rtx-pro-6000", "gb200", "gb300", "a100", "b200", "h100", "h200", "l40s", "l40"];
  const PRODUCT = "nvidia.com/gpu.product", PRESENT = "nvidia.com/gpu.present", MACHINE = "node.kubernetes.io/instance-type";
  const MODELS = [PRODUCT, "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name", "gpu.nvidia.com/model", "k8s.amazonaws.com/accelerator", "gpu.nvidia.com/class", "aliyun.accelerator/nvidia_name", "doks.digitalocean.com/gpu-model", "amd.com/gpu.product-name"];
  const SIGNS = ["kubernetes.azure.com/accelerator", "accelerator"];
  const MACHINES = [[/^(?:p4d\.|p4de\.)/, "A100"], [/^p5\./, "H100"], [/^p5en?\./, "H200"], [/^p6-b200\./, "B200"], [/^p6-b300\./, "B300"], [/^p6e-gb200\./, "GB200"], [/^p6e-gb300\./, "GB300"], [/^g6e\./, "L40S"], [/^g7e\./, "RTX-PRO-6000"], [/^(?:g6f?\.|gr6f?\.)/, "L4"], [/^g5\./, "A10G"], [/^g4dn\./, "T4"], [/^a2-/, "A100"], [/^a3-(?:high|mega|edge)gpu-/, "H100"], [/^a3-ultragpu-/, "H200"], [/^a4-/, "B200"], [/^a4x-max/, "GB300"], [/^a4x-/, "GB200"], [/^g2-/, "L4"], [/^g4-/, "RTX-PRO-6000"], [/^Standard_ND.*_(A100|H100|H200|GB200|GB300)_v\d/, ""], [/^Standard_NC.*_(A100|H100)_v\d/, ""], [/^Standard_ND96asr_v4/, "A100"], [/^(?:BM|VM)\.GPU\.(A100|H100|H200|B200|GB200|GB300|L40S)\b/, ""], [/^BM\.GPU4\./, "A100"]];
  const PCI = /^feature\.node\.kubernetes\.io\/pci-(?:03\d\d_)?10de(?:_[0-9a-f]{4})*\.present$/;
  const RESOURCES = /^(?:nvidia\.com\/(?:gpu|gpu\.shared|pgpu|mig-.+)|amd\.com\/gpu|gpu\.intel\.com\/\w+|habana\.ai\/gaudi)$/;
  const OTHERS = [["amd.com/", "AMD GPU"], ["gpu.intel.com/", "Intel GPU"], ["habana.ai/", "Intel Gaudi"]];
  const DISTRIBUTIONS = { eks: [["eks", "eks-hybrid"], "eks-anywhere"], gke: [["gke"], "gke-on-premises"] };
  const OS_LABEL = "feature.node.kubernetes.io/system-os_release.";
  const DRIVER = ["nvidia.com/cuda.driver-version.full", "nvidia.com/cuda.driver.major", "nvidia.com/cuda.driver.minor", "nvidia.com/cuda.driver.rev"];
  const VERSIONS = ["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1"];
  const DIMENSIONS = ["service", "accelerator", "os"], STATES = ["absent", "partial", "skipped", "denied", "failed"];
  const MADE_OF = ["k8s.", "node.", "nodetopology.", "gpu.", "os.", "the api group "];
  const WORDS = { absent: "is not there", partial: "was seen in part", denied: "could not be read: no permission", failed: "could not be read", skipped: "was not looked for" };

  const list = (value, place) => {
    if (value == null) return [];
    if (!Array.isArray(value)) throw new Error(`${place} of the snapshot is no list`);
    return value;
  };
  const read = (document) => {
    const measured = Array.isArray(document?.measurements) && document.measurements.length > 0;
    const unnamed = measured && !document.kind && !document.apiVersion && !("componentRefs" in document);
    if (document?.kind !== "Snapshot" && !unnamed) throw new Error(`this is no snapshot: its kind is '${document?.kind ?? ""}', not 'Snapshot'`);
    if (!VERSIONS.includes(document.apiVersion || VERSIONS[0])) throw new Error(`apiVersion '${document.apiVersion}' of the snapshot is not known`);
    const types = new Map();
    for (const measurement of list(document.measurements, "measurements")) {
      if (types.has(measurement?.type)) continue;
      const groups = new Map();
      for (const group of list(measurement?.subtypes, "subtypes")) if (!groups.has(group.subtype)) groups.set(group.subtype, { data: group.data ?? {}, items: group.items ?? [] });
      types.set(measurement.type, groups);
    }
    if (!types.size && ![document.objects, document.releases, document.coverage].some((each) => each?.length)) throw new Error("this snapshot shows nothing: it has no measurements");
    const taken = { stated: document.fingerprint ?? {}, types, metadata: document.metadata ?? {}, objects: list(document.objects, "objects"), gaps: list(document.coverage, "coverage") };
    taken.view = viewOf(taken);
    return taken;
  };
  const text = (value) => (value == null ? "" : String(value).trim());
  const reading = (taken, type, group, key) => text(taken.types.get(type)?.get(group)?.data[key]);

  const product = (name) => {
    const words = `-${(name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join("-")}-`;
    return ACCELERATORS.find((known) => words.includes(`-${known}-`)) ?? "";
  };

  // --- nodes
  const map = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
  const because = (gap) => `${WORDS[gap.state]}${gap.reason ? `: ${gap.reason}` : ""}`;
  const gapOf = (taken, part) => taken.gaps.filter((gap) => gap.part === part).reduce((worst, gap) => (!worst || STATES.indexOf(gap.state) > STATES.indexOf(worst.state) ? gap : worst), null);
  const startsWith = (word, starts) => starts.some((start) => word.startsWith(start));
  const isJudged = (label) => [...MODELS, ...SIGNS, ...DRIVER, PRESENT, MACHINE, "nvidia.com/gpu.count", "nvidia.com/gpu.replicas", "nvidia.com/gpu.sharing-strategy", "cloud.google.com/gke-gpu-partition-size", "cloud.google.com/gke-gpu-sharing-strategy"].includes(label)
    || startsWith(label, [OS_LABEL, "nvidia.com/mig", "nvidia.com/vgpu", ...SERVICE_LABELS.map(([start]) => start)]) || PCI.test(label);
  const version2 = (word, count) => word.split(".").slice(0, count).join(".");
  const system = (name, said, rhel) => {
    const id = name.trim().toLowerCase();
    if (id === "rhcos") {
      const build = /(\d)(\d\d)\.(\d)(\d+)\.\d{12}/.exec(said), major = /^(\d+)\./.exec(said);
      return { id: "rhel", version: rhel || (build ? `${build[3]}.${build[4]}` : major && major[1] >= 8 && major[1] < 100 ? version2(said, 2) : "") };
    }
    if (id === "rhel" || id === "ubuntu") return { id, version: version2(said, 2) };
    return { id, version: id === "amzn" ? version2(said, 1) : id === "talos" ? said.replace(/^v/, "") : said };
  };
  const systemOfImage = (image) => {
    const lower = image.toLowerCase(), word = /^[A-Za-z]+/.exec(image);
    const name = IMAGES.find(([start]) => lower.startsWith(start))?.[1] ?? (word ? word[0].toLowerCase() : "");
    const found = /(?:^|[\s(])v?(\d+(?:\.\d+)*)/.exec(image)?.[1] ?? "", pack = /\bSP(\d+)/.exec(image);
    return system(name, name === "sles" && pack ? `${found}.${pack[1]}` : found, "");
  };
  const gpusOf = (labels, capacity, claimed) => {
    const given = Object.entries(capacity).filter(([name, count]) => RESOURCES.test(name) && /^\d{1,9}$/.test(String(count)) && Number(count)).map(([name]) => name);
    let [name, source] = ["", ""];
    const key = MODELS.find((each) => labels[each]);
    if (key) [name, source] = [labels[key], key];
    else if (claimed) [name, source] = [claimed, "ResourceSlice"];
    else {
      for (const [pattern, model] of MACHINES) {
        const found = pattern.exec(labels[MACHINE] ?? "");
        if (found) { [name, source] = [model || found[1], MACHINE]; break; }
      }
      if (!name && product(labels.accelerator ?? "")) [name, source] = [labels.accelerator, "accelerator"];
      if (!name && given.length && !given.some((each) => each.startsWith("nvidia.com/"))) name = OTHERS.find(([start]) => given.some((each) => each.startsWith(start)))?.[1] ?? "";
    }
    const signs = labels[PRESENT] === "true" || Object.entries(labels).some(([each, value]) => PCI.test(each) && value === "true") || SIGNS.some((each) => /^(nvidia|amd|intel)/i.test(labels[each] ?? ""));
    if (!(given.length || signs || name || claimed != null)) return null;
    const replicas = labels["nvidia.com/gpu.replicas"] ?? "1", strategy = labels["nvidia.com/gpu.sharing-strategy"] ?? "none";
    let kind = "whole";
    if (name.startsWith("GRID") || /-\d+[ABCQ](?:-SHARED)?$/.test(name) || labels["nvidia.com/vgpu.present"] === "true") kind = "vGPU";
    else if (name.includes("-MIG-") || labels["cloud.google.com/gke-gpu-partition-size"] || given.some((each) => each.startsWith("nvidia.com/mig-"))) kind = "MIG";
    else if (name.endsWith("-SHARED") || given.includes("nvidia.com/gpu.shared") || labels["cloud.google.com/gke-gpu-sharing-strategy"] || (strategy !== "none" && !["0", "1"].includes(replicas))) kind = "shared";
    return { name, source, kind };
  };
  const tell = (node, labels) => {
    const info = map(node.status?.nodeInfo), id = text(node.spec?.providerID), runtime = text(info.containerRuntimeVersion).split("://");
    const provider = id.startsWith("ocid1") ? "ocid1" : id.includes("://") ? id.split("://")[0] : "";
    const told = {
      "K8s.node.source-node": text(node.metadata?.name), "K8s.node.provider": serviceOf(provider), "K8s.node.provider-id": id,
      "K8s.node.container-runtime-id": text(info.containerRuntimeVersion), "K8s.node.container-runtime-name": runtime[0], "K8s.node.container-runtime-version": runtime[1] ?? "",
      "K8s.node.kubelet-version": text(info.kubeletVersion), "K8s.node.kernel-version": text(info.kernelVersion), "K8s.node.operating-system": text(info.operatingSystem), "K8s.node.os-image": text(info.osImage),
      "OS.sysctl./proc/sys/kernel/osrelease": text(info.kernelVersion),
    };
    const image = systemOfImage(text(info.osImage)), label = byLabel(labels), one = label.id || image.id;
    if (one) Object.assign(told, { "OS.release.ID": one, "OS.release.VERSION_ID": label.version || (one === image.id ? image.version : ""), "OS.release.PRETTY_NAME": text(info.osImage), "OS.release.KERNEL_VERSION": text(info.kernelVersion), "OS.release.OPERATING_SYSTEM": text(info.operatingSystem), "OS.release.Source": "kubernetes-node-info" });
    return told;
  };
  const serviceOf = (provider) => (provider.startsWith("ocid1") ? "oke" : PROVIDERS[provider] ?? provider);
  const byLabel = (labels) => system(...["ID", "VERSION_ID", "RHEL_VERSION"].map((key) => labels[OS_LABEL + key] ?? ""));
  const nodeOf = (name, labels, told, gpus) => {
    const driver = labels[DRIVER[0]] || DRIVER.slice(1).map((key) => labels[key]).filter(Boolean).join(".");
    const model = gpus ? product(gpus.name) : "";
    return { name, labels, gpus, told: { ...told, ...(driver ? { "GPU.smi.driver-version": driver } : {}), ...(model ? { "GPU.hardware.model": model } : {}) } };
  };
  const viewOf = (taken) => {
    const gaps = ["objects/v1/Node", "measurements/NodeTopology", "nodes"].map((part) => gapOf(taken, part)), k8s = gapOf(taken, "measurements/K8s");
    if (k8s && ["denied", "failed"].includes(k8s.state)) gaps.push(k8s);
    const gap = gaps.filter((each) => each && ["partial", "denied", "failed"].includes(each.state)).reduce((worst, each) => (!worst || STATES.indexOf(each.state) > STATES.indexOf(worst.state) ? each : worst), null);
    const of = (kind) => taken.objects.filter((group) => group?.kind === kind).flatMap((group) => group.items ?? []);
    const claimed = {};
    for (const slice of of("ResourceSlice")) {
      if (slice.spec?.driver !== "gpu.nvidia.com" || !slice.spec.nodeName) continue;
      const names = (slice.spec.devices ?? []).map((each) => text((each?.attributes ?? each?.basic?.attributes)?.productName?.string));
      claimed[slice.spec.nodeName] = names.find(Boolean) ?? "";
    }
    const objects = taken.objects.filter((group) => group?.kind === "Node" && group.apiVersion === "v1").flatMap((group) => group.items ?? []);
    const listed = new Map();
    let unnamed = 0;
    if (!objects.some((each) => Object.keys(map(each.metadata?.labels)).length)) for (const [key, raw] of Object.entries(labelsOf(taken))) {
      const said = String(raw), bar = said.lastIndexOf("|"), value = said.slice(0, Math.max(bar, 0));
      const label = isJudged(key) || !key.endsWith(`.${value}`) ? key : key.slice(0, -value.length - 1);
      if (bar < 0 || !isJudged(label)) continue;
      const [names, more] = said.slice(bar + 1).split(" (+");
      for (const name of names.split(",").filter(Boolean)) listed.set(name, { ...listed.get(name), [label]: value });
      if (more && label === PRESENT && value === "true") unnamed = Number(more.split(" ")[0]) || 0;
    }
    let nodes;
    if (objects.length) nodes = objects.map((each) => {
      const name = text(each.metadata?.name), own = map(each.metadata?.labels), labels = Object.keys(own).length ? own : listed.get(name) ?? {};
      const gpus = gpusOf(labels, { ...map(each.status?.allocatable), ...map(each.status?.capacity) }, claimed[name]);
      return nodeOf(name, labels, tell(each, labels), gpus);
    });
    else nodes = [...new Set([...listed.keys(), ...Object.keys(claimed)])].sort().map((name) => {
      const labels = listed.get(name) ?? {}, os = byLabel(labels);
      return nodeOf(name, labels, os.id ? { "OS.release.ID": os.id, "OS.release.VERSION_ID": os.version } : {}, gpusOf(labels, {}, claimed[name]));
    });
    const gpu = nodes.filter((each) => each.gpus);
    const why = gap?.reason ? `: ${gap.reason}` : "";
    const limit = !gap ? "" : nodes.length ? `only ${nodes.length} node${nodes.length > 1 ? "s were" : " was"} seen${why}` : `the nodes ${because(gap).replace("was", "were")}`;
    return { nodes, gpu, judged: gpu.length ? gpu : nodes, limit, unnamed: objects.length ? 0 : unnamed, listed: objects.length > 0 || taken.objects.some((group) => group?.kind === "Node") };
  };
  const named = (names) => {
    const sorted = [...names].sort(), first = sorted.slice(0, 3), more = sorted.length - first.length;
    return more > 0 ? `${first.join(", ")} and ${more} more` : [first.slice(0, -1).join(", "), ...first.slice(-1)].filter(Boolean).join(" and ");
  };
  const labelsOf = (taken) => taken.types.get("NodeTopology")?.get("label")?.data ?? {};
  const ownNode = (taken, group) => {
    const byApi = reading(taken, "K8s", "node", "source-node");
    if (group.startsWith("K8s") || (reading(taken, "OS", "release", "Source") && group.startsWith("OS.release"))) return byApi;
    const said = text(taken.metadata["source-node"]), names = taken.view.nodes.map((each) => each.name);
    const alike = names.filter((name) => name.split(".")[0] === said.split(".")[0]);
    return (names.includes(said) || alike.length !== 1 ? said : alike[0]) || byApi;
  };

  // --- what a cluster shows: it is, several, none, unreadable, unasked
  const shownOf = ({ values = new Map(), unread = [], limit = "", reason = "", looked = false, none = false, details = new Map() }) => {
    const state = values.size ? (values.size === 1 ? "is" : "several") : none && !limit ? "none" : looked || limit ? "unreadable" : "unasked";
    return { values, unread, limit, reason, details, state };
  };
  const add = (values, key, name) => values.set(key, [...(values.get(key) ?? []), ...(name ? [name] : [])]);
  const looks = (gap, states) => Boolean(gap) && states.includes(gap.state);
  const service = (taken) => {
    const { nodes, limit } = taken.view, version = reading(taken, "K8s", "server", "version");
    const labels = new Set(nodes.flatMap((each) => Object.keys(each.labels)).concat(Object.keys(labelsOf(taken))));
    const said = (key) => [...new Set([...nodes.map((each) => each.told[`K8s.node.${key}`] ?? ""), reading(taken, "K8s", "node", key)])].filter(Boolean);
    const is = (name) => shownOf({ values: new Map([[name, []]]) });
    const groups = taken.objects.filter((group) => group?.kind === "CustomResourceDefinition").flatMap((group) => group.items ?? []).map((each) => text(each.metadata?.name).split(".").slice(1).join("."));
    if (said("container-runtime-version").some((each) => each.includes("rhaos")) || said("os-image").some((each) => each.startsWith("Red Hat") && each.includes("CoreOS")) || groups.includes("config.openshift.io") || [...labels].some((each) => each.startsWith("node.openshift.io/"))) return is("ocp");
    const build = BUILDS.find(([pattern]) => pattern.test(version));
    if (build) {
      const [own, elsewhere] = DISTRIBUTIONS[build[1]] ?? [[], build[1]], theirs = said("provider").map(serviceOf);
      return is(theirs.length && !theirs.some((each) => own.includes(each)) ? elsewhere : build[1]);
    }
    const label = SERVICE_LABELS.find(([start]) => [...labels].some((each) => each.startsWith(start)));
    if (label) return is(label[1]);
    const machines = said("provider").sort(), providers = [...new Set(machines.map(serviceOf))];
    if (providers.includes("kind")) return is("kind");
    if (providers.length === 1 && !Object.values(PROVIDERS).includes(providers[0])) return is(providers[0]);
    const where = machines.length ? ` on machines of ${machines.map((each) => CLOUDS[each] ?? each).sort().join(", ")}` : "";
    if (!version) {
      const gap = gapOf(taken, "measurements/K8s.server") ?? gapOf(taken, "measurements/K8s"), looked = looks(gap, ["denied", "failed"]);
      if (!looked && !machines.length) return shownOf({ limit });
      return shownOf({ limit, looked: true, reason: `nobody can tell which Kubernetes runs${where}: ${looked ? `its version ${because(gap)}` : "its version is not in the snapshot"}` });
    }
    const reason = `it is Kubernetes ${version}${where}, and nothing on it shows a managed service`;
    if (providers.some((each) => !TELLING.includes(each))) return shownOf({ limit, looked: true, reason });
    return nodes.length || machines.length ? shownOf({ limit, none: true, reason }) : shownOf({ limit, reason });
  };
  const os = (taken) => {
    const { judged, limit } = taken.view, own = ownNode(taken, "OS.release");
    const mine = system(...["ID", "VERSION_ID", "RHEL_VERSION"].map((key) => reading(taken, "OS", "release", key)));
    const values = new Map(), details = new Map();
    let unread = [];
    const note = (found, name) => { const key = SYSTEMS[found.id] ?? found.id; add(values, key, name); details.set(key, new Set([...(details.get(key) ?? []), `${found.id} ${found.version}`.trim()])); };
    for (const node of judged) {
      const found = node.name === own && mine.id ? mine : { id: node.told["OS.release.ID"] ?? "", version: node.told["OS.release.VERSION_ID"] ?? "" };
      if (found.id) note(found, node.name); else unread.push(node.name);
    }
    if (!values.size && mine.id) { note(mine, own); unread = unread.length > 1 ? unread.filter((name) => name !== own) : []; }
    const gap = gapOf(taken, "measurements/OS.release") ?? gapOf(taken, "measurements/OS"), looked = looks(gap, ["denied", "failed", "partial"]);
    return shownOf({ values, unread, limit, looked, reason: looked ? `OS.release ${because(gap)}` : "", details });
  };
  const ownProducts = (taken) => {
    const gap = gapOf(taken, "measurements/GPU.smi"), sources = [["smi", "name"], ["hardware", "model"]];
    if (gap && gap.state !== "absent") sources.reverse();
    for (const [group, key] of sources) {
      const found = taken.types.get("GPU")?.get(group) ?? { data: {}, items: [] };
      const models = new Set([found.data, ...found.items.map((item) => item?.data ?? {})].map((each) => text(each[key])).filter((each) => each && each !== "mixed"));
      if (!models.size) continue;
      if (group === "hardware") found.items.forEach((item) => { if (item?.data && "device-id" in item.data && !item.data[key]) models.add(`PCI 10de:${item.data["device-id"]}`); });
      return [...models];
    }
    return [];
  };
  const accelerator = (taken) => {
    const { gpu, nodes, limit, listed } = taken.view, mine = new Set(ownProducts(taken).map((each) => product(each) || each));
    const own = ownNode(taken, "GPU") || (gpu.length === 1 ? gpu[0].name : ""), known = (each) => ACCELERATORS.includes(each);
    const values = new Map(), unread = [];
    for (const node of gpu) {
      let models = new Set([product(node.gpus.name) || node.gpus.name].filter(Boolean));
      if (node.name === own && mine.size && (mine.size > 1 || [...mine].every(known))) models = new Set([...mine, ...[...models].filter(known)]);
      else if (node.name === own && !models.size) models = mine;
      for (const model of [...models].sort()) add(values, model, node.name);
      if (!models.size) unread.push(node.name);
    }
    if (values.size) return shownOf({ values, unread, limit });
    if (mine.size) return shownOf({ values: new Map([...mine].sort().map((each) => [each, own ? [own] : []])), unread: unread.filter((name) => name !== own), limit });
    if (unread.length) return shownOf({ unread, limit, reason: `${named(unread)} ha${unread.length === 1 ? "s" : "ve"} GPUs of a model that nothing shows; look into a node: --agent` });
    const gap = gapOf(taken, "measurements/GPU.hardware") ?? gapOf(taken, "measurements/GPU"), present = reading(taken, "GPU", "hardware", "gpu-present");
    if (present === "true") return shownOf({ limit, looked: true, reason: "it has a GPU whose model is not known" });
    if (listed && !limit) return shownOf({ none: true, reason: "no node of the cluster shows a GPU: no resource, no device, no label" });
    if (present === "false" && !nodes.length) return shownOf({ limit, none: true, reason: "the machine has no GPU" });
    return looks(gap, ["denied", "failed", "partial"]) ? shownOf({ limit, looked: true, reason: `GPU ${because(gap)}` }) : shownOf({ limit });
  };
  const show = (taken, dimension) => {
    const entry = taken.stated[dimension], object = entry && typeof entry === "object";
    const stated = text(object ? (["string", "number"].includes(typeof entry.value) ? entry.value : "") : entry);
    const is = () => shownOf({ values: new Map([[stated, []]]) });
    if (stated && !startsWith(text(object ? entry.source : "").toLowerCase(), MADE_OF)) return is();
    const seen = { service, accelerator, os }[dimension](taken);
    if (stated && seen.state === "unasked") return is();
    const note = object ? text(entry.note) : "";
    if (note.startsWith("multi-") && seen.state === "is" && !stated && !taken.view.nodes.length) return shownOf({ looked: true, reason: `its fingerprint says ${note}` });
    return seen;
  };
  const criterion = (taken, criteria, dimension, seen) => {
    const value = criteria[dimension], others = [...seen.values].filter(([each]) => each !== value).sort();
    const lead = `the recipe is for ${value}, and`;
    if (others.length) {
      if (seen.values.size === 1 && !seen.unread.length) {
        const [other] = others[0], known = dimension !== "os" || Object.values(SYSTEMS).includes(other);
        return ["misses", `${lead} the cluster shows ${known ? other : [...(seen.details.get(other) ?? [])].sort().join(" or ")}`];
      }
      const parts = others.map(([other, names]) => `${named(names) || "a GPU"} ${names.length > 1 ? "are" : "is"} ${[...(seen.details.get(other) ?? [other])].sort().join(" or ")}`);
      return ["misses", `${lead} ${parts.slice(0, 3).join(", ")}${parts.length > 3 ? `, and ${parts.length - 3} more` : ""}`];
    }
    if (seen.values.size) {
      const outcome = seen.limit ? ["unknown", `it is ${value} as far as anybody saw: ${seen.limit}`] : seen.unread.length ? ["unknown", `it is ${value}${seen.values.get(value).length ? ` on ${named(seen.values.get(value))}` : ""}, and ${named(seen.unread)} did not show theirs`] : ["fits", `it is ${value}`];
      const cut = {};
      if (dimension === "accelerator" && !seen.limit) for (const node of taken.view.gpu) if (node.gpus.kind !== "whole") (cut[node.gpus.kind] ??= []).push(node.name);
      if (!Object.keys(cut).length || (!cut.vGPU && criteria.intent === "inference")) return outcome;
      const kinds = { MIG: "MIG slices", shared: "shared GPUs", vGPU: "virtual GPUs" };
      return ["misses", `${outcome[1]}, but not whole GPUs: ${Object.keys(cut).sort().map((kind) => `${kinds[kind]} on ${named(cut[kind])}`).join(", ")}`];
    }
    if (seen.state === "none" && (dimension !== "service" || TELLING.includes(value))) return ["misses", `${lead} ${seen.reason}`];
    return ["unknown", `${lead} ${seen.limit || seen.reason || "the cluster does not show its own"}`];
  };

  // --- constraints
  const PATH = /^([^.]+)\.("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^.[\]]+)(?:\[(?:(-?\d+)|([^=\]]+)=([^\]]*))\])?\.(.+)$/s;
  const bare = (word) => (/^["']/.test(word) ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word);
  const lookup = (taken, name) => {
    const path = PATH.exec(name);
    if (!path) throw new Error("a constraint path is written Type.Subtype.Key or Type.Subtype[item].Key");
    const [, type, rawGroup, number, field, wanted, rawKey] = path;
    const group = bare(rawGroup), key = bare(rawKey);
    const groups = taken.types.get(type);
    if (!groups) throw new Error(`the snapshot has no measurement of type '${type}'`);
    const found = groups.get(group);
    if (!found) throw new Error(`${type} has no subtype '${group}'`);
    let data = found.data;
    if (number != null || field != null) {
      const fitting = number != null ? [found.items.at(Number(number))] : found.items.filter((item) => text(item.data?.[bare(field)] ?? item.context?.[bare(field)]) === bare(wanted));
      if (fitting.length !== 1 || !fitting[0]) throw new Error(`${type}.${group} has no such item`);
      data = { ...fitting[0].context, ...Object.fromEntries(Object.entries(fitting[0].data ?? {}).filter(([, value]) => value != null)) };
    }
    if (data[key] == null) throw new Error(`${type}.${group} has no key '${key}'`);
    return String(data[key]);
  };

  // --- versions, as snapshot/version.py reads them
  const PRE = ["dev", "alpha", "beta", "preview", "pre", "rc"];
  const numbers = (word) => word.split(".").map(BigInt);
  const against = (left, right) => { for (let i = 0; i < Math.min(left.length, right.length); i++) if (left[i] !== right[i]) return left[i] < right[i] ? -1 : 1; return 0; };
  const buildOf = (rest) => {
    if (/^eks-[0-9a-f]+$/.test(rest)) return { kind: "eks", numbers: [], text: rest };
    const counted = /^(\d+(?:\.\d+)*)(?:[.-]([A-Za-z][\w.+-]*))?$/.exec(rest.replace(/\.(?:x86_64|aarch64|amd64|arm64)$/, ""));
    if (counted) return { kind: counted[2] ?? "", numbers: numbers(counted[1]), text: rest };
    const name = /^([A-Za-z][A-Za-z0-9_]*?)[.-]?(\d+(?:\.\d+)*)$/.exec(rest);
    return name ? { kind: name[1], numbers: numbers(name[2]), text: rest } : { kind: rest, numbers: [], text: rest };
  };
  const version = (word) => {
    const found = /^v?(\d{1,1000}(?:\.\d{1,1000})*)(?:[-+]([\s\S]*))?$/.exec(word);
    if (!found) return null;
    const rest = found[2] ?? "", pre = /^(dev|alpha|beta|preview|pre|rc)[.-]?(\d+(?:\.\d+)*)?(?![a-z])/.exec(rest);
    return { numbers: numbers(found[1]), pre: pre ? [BigInt(PRE.indexOf(pre[1])), ...numbers(pre[2] ?? "0")] : null, build: !pre && rest ? buildOf(rest) : null };
  };
  const known = (word) => { const found = version(word); if (!found) throw new Error(`'${word}' is no version`); return found; };
  const fuller = (left, right) => against(left, right) || left.length - right.length;
  const order = (actual, demanded, op) => {
    const amounts = [actual, demanded].map((word) => /^([+-]?\d+(?:\.\d+)?)\s*([A-Za-z%][A-Za-z%/]*)?$/.exec(word));
    if (amounts.every(Boolean) && amounts.some((each) => each[2] || /^[+-]/.test(each[1]))) {
      if ((amounts[0][2] ?? "") !== (amounts[1][2] ?? "")) throw new Error(`'${actual}' and ${demanded} are not in one unit`);
      return Math.sign(Number(amounts[0][1]) - Number(amounts[1][1]));
    }
    const left = known(actual), right = known(demanded), size = Math.min(left.numbers.length, right.numbers.length), sign = against(left.numbers, right.numbers);
    if (sign) return sign;
    if (left.numbers.length < right.numbers.length) {
      if (!right.numbers.slice(size).some(Boolean) && !right.pre && !left.pre && [">=", "<"].includes(op)) return 0;
      throw new Error(`'${actual}' does not say enough to be compared with ${demanded}`);
    }
    const above = left.numbers.slice(right.numbers.length).some(Boolean);
    if (left.pre || right.pre) {
      if (above) return right.pre ? 1 : 0;
      return left.pre && right.pre ? Math.sign(fuller(left.pre, right.pre)) : left.pre ? -1 : 1;
    }
    if (!right.build) return 0;
    if (above) return 1;
    if (left.build?.text === right.build.text) return 0;
    const alike = left.build && (left.build.kind === right.build.kind || (!right.build.kind && left.build.numbers.length));
    if (!alike || !left.build.numbers.length || !right.build.numbers.length) throw new Error(`'${actual}' and ${demanded}: the build is not compared`);
    return against(left.build.numbers, right.build.numbers);
  };
  const equal = (expected, actual) => {
    const [right, left] = [version(expected), version(actual)];
    if (!expected.includes(".") || !/\d/.test(expected) || !right || !left) return expected === actual;
    const size = Math.max(left.numbers.length, right.numbers.length);
    for (let i = 0; i < size; i++) if ((left.numbers[i] ?? 0n) !== (right.numbers[i] ?? 0n)) return false;
    if (String(left.pre) !== String(right.pre)) return false;
    if (!right.build) return true;
    return left.build?.kind === right.build.kind && (left.build.text === right.build.text || (left.build.numbers.length > 0 && String(left.build.numbers) === String(right.build.numbers)));
  };
  const term = (word, actual) => {
    const inside = /^in\s*[([](.*)[)\]]$/s.exec(word);
    if (inside) return inside[1].split(",").some((each) => equal(each.trim().replace(/^['"]|['"]$/g, ""), actual));
    const [, op, rest] = /^(>=|<=|!=|==|>|<|)(.*)$/s.exec(word);
    const value = rest.trim();
    if (!value) throw new Error("there is nothing to compare with");
    if (op === "==" || op === "!=") return equal(value, actual) === (op === "==");
    if (!op) return actual === value;
    const sign = order(actual, value, op);
    return { ">=": sign >= 0, ">": sign > 0, "<=": sign <= 0, "<": sign < 0 }[op];
  };
  const holds = (expression, raw) => {
    const actual = raw.trim();
    return ` ${expression} `.split(" || ").map((each) => each.trim()).some((each) =>
      (/^[<>]/.test(each) ? each.split(/(?:\s*,\s*|\s+)(?=[<>]|[!=]=)/) : [each]).every((part) => term(part, actual)));
  };

  // --- every node that is judged
  const several = (words) => `${words.slice(0, 3).join(", ")}${words.length > 3 ? ` and ${words.length - 3} more` : ""}`;
  const readings = (taken, name) => {
    const [, type, raw, , , , rawKey] = PATH.exec(name) ?? [], group = `${type}.${raw ? bare(raw) : ""}`, key = rawKey && bare(rawKey), item = raw && PATH.exec(name).slice(3, 5).some((each) => each != null);
    const part = gapOf(taken, `measurements/${group}`) ?? gapOf(taken, `measurements/${type}`);
    const limit = part?.state === "partial" ? `${group} ${because(part)}` : "";
    if (!["GPU", "OS", "SystemD"].includes(type) && group !== "K8s.node") return { values: new Map([[lookup(taken, name), []]]), unread: [], limit };
    const { judged, unnamed } = taken.view, own = ownNode(taken, group);
    const short = taken.view.limit || (group === "GPU.smi" && !key.endsWith("-version") ? limit : "");
    if (!judged.length) return { values: new Map([[lookup(taken, name), own ? [own] : []]]), unread: [], limit: short };
    const values = new Map();
    let unread = [];
    for (const node of judged) {
      let told = item ? "" : node.told[`${group}.${key}`] ?? "";
      if (node.name === own) try { told = lookup(taken, name); } catch { /* the API may know */ }
      if (told) add(values, told, node.name); else unread.push(node.name);
    }
    if (!values.size) {
      const said = lookup(taken, name);
      if (own) throw new Error(`${group}.${key} was read on ${own} alone, which is none of the nodes that are judged`);
      return { values: new Map([[said, []]]), unread: unread.length > 1 ? unread : [], limit: short };
    }
    if (unnamed) unread = [...unread, `${unnamed} that the snapshot does not name`];
    return { values, unread, limit: short };
  };
  const fit = (recipe, taken, shown) => {
    let unknown = "";
    for (const dimension of DIMENSIONS) {
      if (!recipe.criteria[dimension]) continue;
      const [outcome, why] = criterion(taken, recipe.criteria, dimension, shown[dimension]);
      if (outcome === "misses") return { fit: outcome, why: `${dimension}: ${why}` };
      if (outcome === "unknown") unknown ||= `${dimension}: ${why}`;
    }
    for (const [name, value] of recipe.constraints) {
      if (name.split(".").length < 3) { unknown ||= `${name}: it has to be measured, and the recipe names no check that does`; continue; }
      try {
        const { values, unread, limit } = readings(taken, name);
        const wrong = [...values].filter(([actual]) => !holds(value, actual));
        if (wrong.length) {
          const what = values.size === 1 && !unread.length ? `it is ${wrong[0][0]}` : several(wrong.map(([actual, names]) => `on ${named(names) || "one node"} it is ${actual}`));
          return { fit: "misses", why: `${name}: ${what}, not ${value}` };
        }
        if (limit || unread.length) unknown ||= `${name}: ${limit || `nobody looked into ${named(unread)}`}`;
      } catch (error) { unknown ||= `${name}: ${error.message}`; }
    }
    return { fit: unknown ? "unknown" : "fits", why: unknown };
  };
  const RANK = ["fits", "unknown", "misses"];
  const all = (data, document) => {
    const taken = read(document), seen = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, show(taken, dimension)]));
    const found = data.recipes.map((recipe) => ({ recipe, ...fit(recipe, taken, seen), n: Object.keys(recipe.criteria).length }));
    found.sort((a, b) => RANK.indexOf(a.fit) - RANK.indexOf(b.fit) || b.n - a.n || (a.recipe.slug < b.recipe.slug ? -1 : 1));
    const shown = Object.fromEntries(DIMENSIONS.filter((each) => seen[each].values.size).map((each) => [each, [...seen[each].values.keys()].join(" and ")]));
    return { shown, found };
  };

  const parse = async (content, script) => {
    if (/^\s*[{[]/.test(content)) return JSON.parse(content);
    await script("assets/vendor/js-yaml.min.js");
    return window.jsyaml.load(content);
  };
  const judge = async (data, content, script) => all(data, await parse(content, script));
  const TITLES = { fits: "Fits", unknown: "May fit: the snapshot does not say", misses: "Does not fit" };
  window.clusterbook.fits = (element, data, { make, script }) => {
    const input = make("input", { type: "file", accept: ".yaml,.yml,.json", class: "cb-file-input" });
    const drop = make("div", { class: "cb-drop" }, make("label", {}, "Snapshot (YAML or JSON) ", input));
    const out = make("div", { role: "status" });
    const take = async (file) => {
      try {
        const { shown, found } = await judge(data, await file.text(), script);
        const cluster = Object.entries(shown).map(([key, value]) => `${key} ${value}`).join(", ") || "nothing that criteria name";
        out.replaceChildren(make("p", {}, `The cluster shows: ${cluster}. The most specific recipes come first.`), ...RANK.map((rank) => {
          const rows = found.filter((each) => each.fit === rank);
          return make("details", { open: rank === "fits" || (rank === "unknown" && rows.length < 40) }, make("summary", {}, `${TITLES[rank]}: ${rows.length}`),
            make("ul", {}, rows.map((each) => make("li", {}, make("a", { href: `recipes/${each.recipe.slug}.html` }, each.recipe.title), each.why ? make("small", {}, ` ${each.why}`) : ""))));
        }));
      } catch (error) { out.replaceChildren(make("p", { role: "alert" }, `${file.name}: ${error.message}`)); }
    };
    input.onchange = () => input.files[0] && take(input.files[0]);
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("cb-over"); };
    drop.ondragleave = () => drop.classList.remove("cb-over");
    drop.ondrop = (event) => { event.preventDefault(); drop.classList.remove("cb-over"); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); };
    window.clusterbook.judge = (known, content) => judge(known, content, script);
    element.replaceChildren(drop, out);
  };
})();
