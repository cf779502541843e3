/* Which recipes fit a cluster: its snapshot against the criteria and constraints of every recipe, here in the browser.
   The same rules as `clusterbook fit`, held to it by tests: every node that has a GPU is judged, and what was not
   measured, or not seen whole, is never taken for granted. */
"use strict";
(() => {
  let T = {};  // the tables by which the client recognises GPUs, services and systems: api/v1/recognition.js
  const begins = (pattern) => new RegExp(`^(?:${pattern})`);
  const tables = (given) => {
    T = { ...given, INSTANCES: given.INSTANCES.map(([pattern, model]) => [begins(pattern), model]) };
    for (const name of ["PCI", "RESOURCES", "VGPU_PRODUCT", "MIG_PRODUCT", "SHARED_PRODUCT", "OPENSHIFT_IMAGE", "OPENSHIFT_RUNTIME"]) T[name] = begins(given[name]);
    T.pre = new RegExp(`^(?:${given.PRE_RELEASE_LEADS})?(${given.PRE_RELEASES.join("|")})[.-]?(\\d+(?:\\.\\d+)*)?(?![a-z])`, "i");
    T.ACCELERATORS = [...given.ACCELERATORS].sort((a, b) => b.length - a.length);
    T.judged = new Set([...T.MODEL_LABELS, ...T.SIGN_LABELS, ...T.DRIVER_LABELS, ...T.POOL_LABELS, ...T.PARTITION_LABELS, ...T.SHARED_LABELS, T.PRESENT_LABEL, T.INSTANCE_LABEL, T.COUNT_LABEL, T.REPLICAS_LABEL, T.SHARING_LABEL]);
    T.starts = [T.OS_LABEL, ...T.KIND_LABELS, ...T.SERVICE_LABELS.map(([start]) => start)];
  };
  const VERSIONS = ["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1"];
  const DIMENSIONS = ["service", "accelerator", "os"], STATES = ["absent", "partial", "skipped", "denied", "failed"];
  const MADE_OF = ["k8s.", "node.", "nodetopology.", "gpu.", "os.", "the api group "];
  const WORDS = { absent: "does not exist", partial: "was captured in part", denied: "could not be read: no permission", failed: "could not be read", skipped: "was not captured" };

  const list = (value, place) => {
    if (value == null) return [];
    if (!Array.isArray(value)) throw new Error(`${place} of the snapshot is not a list`);
    return value;
  };
  const read = (document) => {
    const measured = Array.isArray(document?.measurements) && document.measurements.length > 0;
    const unnamed = measured && !document.kind && !document.apiVersion && !("componentRefs" in document);
    if (document?.kind !== "Snapshot" && !unnamed) throw new Error(`this is not a snapshot: its kind is '${document?.kind ?? ""}', not 'Snapshot'`);
    if (!VERSIONS.includes(document.apiVersion || VERSIONS[0])) throw new Error(`apiVersion '${document.apiVersion}' of the snapshot is not supported`);
    const types = new Map();
    for (const measurement of list(document.measurements, "measurements")) {
      if (types.has(measurement?.type)) continue;
      const groups = new Map();
      for (const group of list(measurement?.subtypes, "subtypes")) if (!groups.has(group.subtype)) groups.set(group.subtype, { data: group.data ?? {}, items: group.items ?? [] });
      types.set(measurement.type, groups);
    }
    if (!types.size && ![document.objects, document.releases, document.coverage].some((each) => each?.length)) throw new Error("this snapshot is empty: it has no measurements");
    const taken = { stated: document.fingerprint ?? {}, types, metadata: document.metadata ?? {}, objects: list(document.objects, "objects"), gaps: list(document.coverage, "coverage") };
    taken.view = viewOf(taken);
    return taken;
  };
  const text = (value) => (value == null ? "" : String(value).trim());
  const reading = (taken, type, group, key) => text(taken.types.get(type)?.get(group)?.data[key]);

  const product = (name) => {
    const words = `-${(name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join("-")}-`;
    return T.ACCELERATORS.find((known) => words.includes(`-${known}-`)) ?? "";
  };

  // --- nodes
  const map = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
  const because = (gap) => `${WORDS[gap.state]}${gap.reason ? `: ${gap.reason}` : ""}`;
  const gapOf = (taken, part) => taken.gaps.filter((gap) => gap.part === part).reduce((worst, gap) => (!worst || STATES.indexOf(gap.state) > STATES.indexOf(worst.state) ? gap : worst), null);
  const startsWith = (word, starts) => starts.some((start) => word.startsWith(start));
  const isJudged = (label) => T.judged.has(label) || startsWith(label, T.starts) || T.PCI.test(label);
  const version2 = (word, count) => word.split(".").slice(0, count).join(".");
  const system = (name, said, rhel) => {
    const id = name.trim().toLowerCase();
    if (id === "rhcos") {
      const build = /(\d)(\d\d)\.(\d)(\d+)\.\d{12}/.exec(said), major = /^(\d+)\./.exec(said);
      return { id: "rhel", version: rhel || (build ? `${build[3]}.${build[4]}` : major && major[1] >= 8 && major[1] < 100 ? version2(said, 2) : "") };
    }
    if (T.VERSION_PARTS[id]) return { id, version: version2(said, T.VERSION_PARTS[id]) };
    return { id, version: id === "talos" ? said.replace(/^v/, "") : said };
  };
  const systemOfImage = (image) => {
    const lower = image.toLowerCase(), word = /^[A-Za-z]+/.exec(image);
    const name = T.IMAGES.find(([start]) => lower.startsWith(start))?.[1] ?? (word ? word[0].toLowerCase() : "");
    const found = /(?:^|[\s(])v?(\d+(?:\.\d+)*)/.exec(image)?.[1] ?? "", pack = /\bSP(\d+)/.exec(image);
    return system(name, name === "sles" && pack ? `${found}.${pack[1]}` : found, "");
  };
  const gpusOf = (labels, capacity, claimed) => {
    const given = Object.entries(capacity).filter(([name, count]) => T.RESOURCES.test(name) && /^\d{1,9}$/.test(String(count)) && Number(count)).map(([name]) => name);
    let [name, source] = ["", ""];
    const key = T.MODEL_LABELS.find((each) => labels[each]);
    if (key) [name, source] = [labels[key], key];
    else if (claimed) [name, source] = [claimed, "ResourceSlice"];
    else {
      for (const [pattern, model] of T.INSTANCES) {
        const found = pattern.exec(labels[T.INSTANCE_LABEL] ?? "");
        if (found) { [name, source] = [model || found[1], T.INSTANCE_LABEL]; break; }
      }
      if (!name && product(labels[T.DECLARED_LABEL] ?? "")) [name, source] = [labels[T.DECLARED_LABEL], T.DECLARED_LABEL];
      if (!name && given.length && !given.some((each) => each.startsWith(T.NVIDIA_RESOURCE))) name = T.OTHERS.find(([start]) => given.some((each) => each.startsWith(start)))?.[1] ?? "";
    }
    const signs = labels[T.PRESENT_LABEL] === "true" || Object.entries(labels).some(([each, value]) => T.PCI.test(each) && value === "true") || T.SIGN_LABELS.some((each) => startsWith((labels[each] ?? "").toLowerCase(), T.VENDORS));
    if (!(given.length || signs || name || claimed != null)) return null;
    const replicas = labels[T.REPLICAS_LABEL] ?? "1", strategy = labels[T.SHARING_LABEL] ?? "none";
    let kind = "whole";
    if (T.VGPU_PRODUCT.test(name) || labels[T.VGPU_LABEL] === "true") kind = "vGPU";
    else if (T.MIG_PRODUCT.test(name) || T.PARTITION_LABELS.some((each) => labels[each]) || given.some((each) => each.startsWith(T.MIG_RESOURCE))) kind = "MIG";
    else if (T.SHARED_PRODUCT.test(name) || given.includes(T.SHARED_RESOURCE) || T.SHARED_LABELS.some((each) => labels[each]) || (strategy !== "none" && !["0", "1"].includes(replicas))) kind = "shared";
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
  const serviceOf = (provider) => (provider.startsWith("ocid1") ? "oke" : T.PROVIDERS[provider] ?? provider);
  const byLabel = (labels) => system(...["ID", "VERSION_ID", "RHEL_VERSION"].map((key) => labels[T.OS_LABEL + key] ?? ""));
  const nodeOf = (name, labels, told, gpus) => {
    const driver = labels[T.DRIVER_LABELS[0]] || T.DRIVER_LABELS.slice(1).map((key) => labels[key]).filter(Boolean).join(".");
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
      if (slice.spec?.driver !== T.DRA_DRIVER || !slice.spec.nodeName) continue;
      const names = (slice.spec.devices ?? []).map((each) => text((each?.attributes ?? each?.basic?.attributes)?.productName?.string));
      claimed[slice.spec.nodeName] = names.find(Boolean) ?? "";
    }
    const objects = taken.objects.filter((group) => group?.kind === "Node" && group.apiVersion === "v1").flatMap((group) => group.items ?? []);
    const listed = new Map();
    const modelled = {};
    let present = 0;
    if (!objects.some((each) => Object.keys(map(each.metadata?.labels)).length)) for (const label of labelsOf(taken)) {
      if (!isJudged(label.key)) continue;
      const [names, rest] = label.listed.split(" (+"), others = (rest ?? "").split(" ")[0];
      for (const name of names.split(",").filter(Boolean)) listed.set(name, { ...listed.get(name), [label.key]: label.value });
      const more = /^\d+$/.test(others) ? Number(others) : 0;
      if (label.key === T.PRESENT_LABEL && label.value === "true") present = more;
      else if (T.MODEL_LABELS.includes(label.key) && label.value) modelled[label.key] = (modelled[label.key] ?? 0) + more;
    }
    const most = Math.max(0, ...Object.values(modelled));
    let nodes;
    if (objects.length) nodes = objects.map((each) => {
      const name = text(each.metadata?.name), own = map(each.metadata?.labels), labels = Object.keys(own).length ? own : listed.get(name) ?? {};
      const gpus = gpusOf(labels, { ...map(each.status?.allocatable), ...map(each.status?.capacity) }, claimed[name]);
      return nodeOf(name, labels, tell(each, labels), gpus);
    });
    else nodes = [...new Set([...listed.keys(), ...Object.keys(claimed)])].sort().map((name) => {
      const labels = listed.get(name) ?? {}, os = byLabel(labels);
      return nodeOf(name, labels, { "OS.release.ID": os.id, "OS.release.VERSION_ID": os.version }, gpusOf(labels, {}, claimed[name]));
    });
    const gpu = nodes.filter((each) => each.gpus);
    const why = gap?.reason ? `: ${gap.reason}` : "";
    const limit = !gap ? "" : nodes.length ? `only ${nodes.length} node${nodes.length > 1 ? "s were" : " was"} captured${why}` : `the nodes ${because(gap).replace("was", "were")}`;
    return { nodes, gpu, judged: gpu.length ? gpu : nodes, limit, unnamed: objects.length ? 0 : Math.max(present, most), unmodelled: objects.length ? 0 : Math.max(present - most, 0), listed: objects.length > 0 || taken.objects.some((group) => group?.kind === "Node") };
  };
  const named = (names) => {
    const sorted = [...names].sort(), first = sorted.slice(0, 3), more = sorted.length - first.length;
    return more > 0 ? `${first.join(", ")} and ${more} more` : [first.slice(0, -1).join(", "), ...first.slice(-1)].filter(Boolean).join(" and ");
  };
  // as snapshot/topology.py reads them: key and value apart where the snapshot has items, else a word that may be both
  const labelsOf = (taken) => {
    const { data, items } = taken.types.get("NodeTopology")?.get("label") ?? { data: {}, items: [] };
    const apart = (word) => { const bar = word.lastIndexOf("|"); return bar < 0 ? null : [word.slice(0, bar), word.slice(bar + 1)]; };
    const named = items.filter((item) => item?.context?.key != null && item.context.key !== "");
    if (named.length) return named.map(({ context, data: own }) => {
      const at = data[String(own?.["node-list-ref"] ?? "")], word = at == null ? "" : String(at);
      return { key: String(context.key), value: String(context.value ?? ""), listed: own?.["node-list"] != null ? String(own["node-list"]) : (apart(word)?.[1] ?? word) };
    });
    return Object.entries(data).flatMap(([word, raw]) => {
      const [value, listed] = apart(String(raw)) ?? [];
      if (listed == null) return [];
      const found = [{ key: word, value, listed }];
      if (value && word.endsWith(`.${value}`)) found.push({ key: word.slice(0, -value.length - 1), value, listed });
      return found;
    });
  };
  const unnamedNodes = (count) => (count ? [`${count} that the snapshot does not list`] : []);
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
    const labels = new Set(nodes.flatMap((each) => Object.keys(each.labels)).concat(labelsOf(taken).map((each) => each.key)));
    const said = (key) => [...new Set([...nodes.map((each) => each.told[`K8s.node.${key}`] ?? ""), reading(taken, "K8s", "node", key)])].filter(Boolean);
    const is = (name) => shownOf({ values: new Map([[name, []]]) });
    const groups = taken.objects.filter((group) => group?.kind === "CustomResourceDefinition").flatMap((group) => group.items ?? []).map((each) => text(each.metadata?.name).split(".").slice(1).join("."));
    if (said("container-runtime-version").some((each) => T.OPENSHIFT_RUNTIME.test(each)) || said("os-image").some((each) => T.OPENSHIFT_IMAGE.test(each)) || groups.includes(T.OPENSHIFT_GROUP) || [...labels].some((each) => each.startsWith(T.OPENSHIFT_LABEL))) return is("ocp");
    const build = T.BUILDS.find(([part]) => version.includes(part));
    if (build) {
      const [, own, elsewhere] = T.DISTRIBUTIONS.find(([name]) => name === build[1]) ?? [build[1], [], build[1]], theirs = said("provider").map(serviceOf);
      return is(theirs.length && !theirs.some((each) => own.includes(each)) ? elsewhere : build[1]);
    }
    const label = T.SERVICE_LABELS.find(([start]) => [...labels].some((each) => each.startsWith(start)));
    if (label) return is(label[1]);
    const machines = said("provider").sort(), providers = [...new Set(machines.map(serviceOf))];
    if (providers.includes("kind")) return is("kind");
    if (providers.length === 1 && !Object.values(T.PROVIDERS).includes(providers[0])) return is(providers[0]);
    const where = machines.length ? ` on machines of ${machines.map((each) => T.CLOUDS[each] ?? each).sort().join(", ")}` : "";
    if (!version) {
      const gap = gapOf(taken, "measurements/K8s.server") ?? gapOf(taken, "measurements/K8s"), looked = looks(gap, ["denied", "failed"]);
      if (!looked && !machines.length) return shownOf({ limit });
      return shownOf({ limit, looked: true, reason: `unknown which Kubernetes runs${where}: ${looked ? `its version ${because(gap)}` : "its version is not in the snapshot"}` });
    }
    const reason = `it is Kubernetes ${version}${where}, and nothing on it shows a managed service`;
    if (providers.some((each) => !T.TELLING.includes(each))) return shownOf({ limit, looked: true, reason });
    return nodes.length || machines.length ? shownOf({ limit, none: true, reason }) : shownOf({ limit, reason });
  };
  const os = (taken) => {
    const { judged, limit } = taken.view, own = ownNode(taken, "OS.release");
    const mine = system(...["ID", "VERSION_ID", "RHEL_VERSION"].map((key) => reading(taken, "OS", "release", key)));
    const values = new Map(), details = new Map();
    let unread = [];
    const note = (found, name) => { const key = T.SYSTEMS[found.id] ?? found.id; add(values, key, name); details.set(key, new Set([...(details.get(key) ?? []), `${found.id} ${found.version}`.trim()])); };
    for (const node of judged) {
      const found = node.name === own && mine.id ? mine : { id: node.told["OS.release.ID"] ?? "", version: node.told["OS.release.VERSION_ID"] ?? "" };
      if (found.id) note(found, node.name); else unread.push(node.name);
    }
    unread.push(...unnamedNodes(taken.view.unnamed));
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
      return { source: `GPU.${group}`, models: [...models] };
    }
    return { source: "GPU.hardware", models: [] };
  };
  const accelerator = (taken) => {
    const { gpu, nodes, listed } = taken.view, { source, models: products } = ownProducts(taken), mine = new Set(products.map((each) => product(each) || each));
    let { limit } = taken.view;
    const own = ownNode(taken, "GPU") || (gpu.length === 1 ? gpu[0].name : ""), known = (each) => T.ACCELERATORS.includes(each);
    const values = new Map(), unread = [];
    for (const node of gpu) {
      let models = new Set([product(node.gpus.name) || node.gpus.name].filter(Boolean));
      if (node.name === own && mine.size && (mine.size > 1 || [...mine].every(known))) models = new Set([...mine, ...[...models].filter(known)]);
      else if (node.name === own && !models.size) models = mine;
      for (const model of [...models].sort()) add(values, model, node.name);
      if (!models.size) unread.push(node.name);
    }
    unread.push(...unnamedNodes(taken.view.unmodelled));
    const slices = T.DRA_VERSIONS.map((each) => gapOf(taken, `objects/${each}/ResourceSlice`)).find((each) => each && !["absent", "skipped"].includes(each.state));
    limit ||= looks(slices, ["partial", "failed"]) ? `ResourceSlice ${because(slices)}` : "";
    if (values.size) return shownOf({ values, unread, limit });
    if (mine.size) {
      const part = gapOf(taken, `measurements/${source}`) ?? gapOf(taken, "measurements/GPU");
      limit ||= looks(part, ["partial"]) ? `${source} ${because(part)}` : "";
      return shownOf({ values: new Map([...mine].sort().map((each) => [each, own ? [own] : []])), unread: unread.filter((name) => name !== own), limit });
    }
    if (unread.length) return shownOf({ unread, limit, reason: `${named(unread)} ha${unread.length === 1 ? "s" : "ve"} GPUs of an unknown model; inspect a node with --agent` });
    const gap = gapOf(taken, "measurements/GPU.hardware") ?? gapOf(taken, "measurements/GPU"), present = reading(taken, "GPU", "hardware", "gpu-present");
    if (present === "true") return shownOf({ limit, looked: true, reason: "it has a GPU whose model is not known" });
    if (listed && !limit && slices) return shownOf({ looked: true, reason: `no node shows a GPU, and ResourceSlice ${because(slices)}` });
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
    const [outcome, why] = oneOf(criteria, dimension, seen), cut = {};
    if (dimension !== "accelerator" || outcome === "misses" || outcome === "error") return [outcome === "error" ? "unknown" : outcome, why];
    for (const node of taken.view.judged) if (node.gpus && node.gpus.kind !== "whole") (cut[node.gpus.kind] ??= []).push(node.name);
    if (!Object.keys(cut).length || (!cut.vGPU && criteria.intent === "inference")) return [outcome, why];
    const kinds = { MIG: "MIG slices", shared: "shared GPUs", vGPU: "virtual GPUs" };
    return ["misses", `${why}, but not whole GPUs: ${Object.keys(cut).sort().map((kind) => `${kinds[kind]} on ${named(cut[kind])}`).join(", ")}`];
  };
  const oneOf = (criteria, dimension, seen) => {
    const value = criteria[dimension], others = [...seen.values].filter(([each]) => each !== value).sort();
    const lead = `the recipe is for ${value}, and`;
    if (others.length) {
      if (seen.values.size === 1 && !seen.unread.length) {
        const [other] = others[0], known = dimension !== "os" || Object.values(T.SYSTEMS).includes(other);
        return ["misses", `${lead} the cluster shows ${known ? other : [...(seen.details.get(other) ?? [])].sort().join(" or ")}`];
      }
      const parts = others.map(([other, names]) => `${named(names) || "a GPU"} ${names.length > 1 ? "are" : "is"} ${[...(seen.details.get(other) ?? [other])].sort().join(" or ")}`);
      return ["misses", `${lead} ${parts.slice(0, 3).join(", ")}${parts.length > 3 ? `, and ${parts.length - 3} more` : ""}`];
    }
    if (seen.values.size) {
      if (seen.limit) return ["error", `it is ${value} as far as captured: ${seen.limit}`];
      if (seen.unread.length) return ["unknown", `it is ${value}${seen.values.get(value).length ? ` on ${named(seen.values.get(value))}` : ""}, and ${named(seen.unread)} did not show it`];
      return ["fits", `it is ${value}`];
    }
    if (seen.state === "none" && (dimension !== "service" || T.TELLING.includes(value))) return ["misses", `${lead} ${seen.reason}`];
    return [dimension === "accelerator" && seen.state === "unreadable" ? "error" : "unknown", `${lead} ${seen.limit || seen.reason || "the cluster does not show its own"}`];
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
    const rest = found[2] ?? "", pre = T.pre.exec(rest);
    return { numbers: numbers(found[1]), pre: pre ? [BigInt(T.PRE_RELEASES.indexOf(pre[1].toLowerCase())), ...numbers(pre[2] ?? "0")] : null, build: !pre && rest ? buildOf(rest) : null };
  };
  const known = (word) => { const found = version(word); if (!found) throw new Error(`'${word}' is not a version`); return found; };
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
      throw new Error(`'${actual}' is not precise enough to compare with ${demanded}`);
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
    const size = Math.max(left.numbers.length, right.numbers.length), rest = right.numbers.slice(left.numbers.length);
    if (!left.pre && !against(left.numbers, right.numbers) && rest.some(Boolean)) throw new Error(`'${actual}' is not precise enough to compare with ${expected}`);
    for (let i = 0; i < size; i++) if ((left.numbers[i] ?? 0n) !== (right.numbers[i] ?? 0n)) return false;
    if (String(left.pre) !== String(right.pre)) return false;
    if (!right.build) return true;
    return left.build?.kind === right.build.kind && (left.build.text === right.build.text || (left.build.numbers.length > 0 && String(left.build.numbers) === String(right.build.numbers)));
  };
  const one = (parts, isTrue) => {
    let unknown = null;
    for (const part of parts) try { if (isTrue(part)) return true; } catch (error) { unknown ??= error; }
    if (unknown) throw unknown;
    return false;
  };
  const term = (word, actual) => {
    const inside = /^in\s*[([](.*)[)\]]$/s.exec(word);
    if (inside) return one(inside[1].split(","), (each) => equal(each.trim().replace(/^['"]|['"]$/g, ""), actual));
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
    return one(` ${expression} `.split(" || ").map((each) => each.trim()), (each) =>
      (/^[<>]/.test(each) ? each.split(/(?:\s*,\s*|\s+)(?=[<>]|[!=]=)/) : [each]).every((part) => term(part, actual)));
  };

  // --- every node that is judged
  const several = (words) => `${words.slice(0, 3).join(", ")}${words.length > 3 ? ` and ${words.length - 3} more` : ""}`;
  const readings = (taken, name) => {
    const [, type, raw, , , , rawKey] = PATH.exec(name) ?? [], group = `${type}.${raw ? bare(raw) : ""}`, key = rawKey && bare(rawKey), item = raw && PATH.exec(name).slice(3, 5).some((each) => each != null);
    const part = gapOf(taken, `measurements/${group}`) ?? gapOf(taken, `measurements/${type}`);
    const limit = part?.state === "partial" ? `${group} ${because(part)}` : "";
    if (!["GPU", "OS", "SystemD"].includes(type) && group !== "K8s.node") return { values: new Map([[lookup(taken, name), []]]), unread: [], limit: limit || (type === "NodeTopology" ? taken.view.limit : "") };
    const { judged, unnamed } = taken.view, own = ownNode(taken, group);
    const short = taken.view.limit || (type === "GPU" && !key.endsWith("-version") ? limit : "");
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
      if (own) throw new Error(`${group}.${key} was read only on ${own}, which is not one of the validated nodes`);
      return { values: new Map([[said, []]]), unread: unread.length > 1 ? unread : [], limit: short };
    }
    unread = [...unread, ...unnamedNodes(unnamed)];
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
      if (name.split(".").length < 3) { unknown ||= `${name}: it must be measured, and the recipe has no check for it`; continue; }
      try {
        const { values, unread, limit } = readings(taken, name);
        const wrong = [...values].filter(([actual]) => !holds(value, actual));
        if (wrong.length) {
          const what = values.size === 1 && !unread.length ? `it is ${wrong[0][0]}` : several(wrong.map(([actual, names]) => `on ${named(names) || "one node"} it is ${actual}`));
          return { fit: "misses", why: `${name}: ${what}, not ${value}` };
        }
        if (limit || unread.length) unknown ||= `${name}: ${limit || `not inspected: ${named(unread)}`}`;
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

  // as diagnostics/printable.py shows what strangers wrote: nothing hides, and nothing turns the line around
  const visible = (said) => said.replace(/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/gu, (each) => {
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[each], point = each.codePointAt(0).toString(16);
    return short ?? (point.length < 3 ? `\\x${point.padStart(2, "0")}` : point.length < 5 ? `\\u${point.padStart(4, "0")}` : `\\U${point.padStart(8, "0")}`);
  });
  const parse = async (content, script) => {
    if (/^\s*[{[]/.test(content)) return JSON.parse(content);
    await script("assets/vendor/js-yaml.min.js");
    return window.jsyaml.load(content);
  };
  const judge = async (data, content, script) => all(data, await parse(content, script));
  const TITLES = { fits: "Fits", unknown: "May fit: the snapshot does not say", misses: "Does not fit" };
  window.clusterbook.fits = (element, data, given, { make, script }) => {
    tables(given);
    const input = make("input", { type: "file", accept: ".yaml,.yml,.json", class: "cb-file-input" });
    const drop = make("div", { class: "cb-drop" }, make("label", {}, "Snapshot (YAML or JSON) ", input));
    const out = make("div", { role: "status" });
    const take = async (file) => {
      try {
        const { shown, found } = await judge(data, await file.text(), script);
        const cluster = Object.entries(shown).map(([key, value]) => `${key} ${value}`).join(", ") || "nothing that criteria name";
        out.replaceChildren(make("p", {}, `The cluster shows: ${visible(cluster)}. The most specific recipes come first.`), ...RANK.map((rank) => {
          const rows = found.filter((each) => each.fit === rank);
          return make("details", { open: rank === "fits" || (rank === "unknown" && rows.length < 40) }, make("summary", {}, `${TITLES[rank]}: ${rows.length}`),
            make("ul", {}, rows.map((each) => make("li", {}, make("a", { href: `recipes/${each.recipe.slug}.html` }, each.recipe.title), each.why ? make("small", {}, ` ${visible(each.why)}`) : ""))));
        }));
      } catch (error) { out.replaceChildren(make("p", { role: "alert" }, visible(`${file.name}: ${error.message}`))); }
    };
    input.onchange = () => input.files[0] && take(input.files[0]);
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("cb-over"); };
    drop.ondragleave = () => drop.classList.remove("cb-over");
    drop.ondrop = (event) => { event.preventDefault(); drop.classList.remove("cb-over"); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); };
    window.clusterbook.judge = (known, content) => judge(known, content, script);
    element.replaceChildren(drop, out);
  };
})();
