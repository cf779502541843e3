/* Which recipes fit a cluster: its snapshot against the criteria and constraints of every recipe, here in the browser.
   The same rules as `clusterbook fit`, held to it by tests: what was not measured is never taken for granted. */
"use strict";
(() => {
  const SERVICES = { aws: "eks", gce: "gke", azure: "aks", oci: "oke", linode: "lke" };
  const SYSTEMS = { amzn: "amazonlinux", amazon: "amazonlinux", al2: "amazonlinux", al2023: "amazonlinux", redhat: "rhel", redhatenterpriselinux: "rhel" };
  ["ubuntu", "rhel", "cos", "amazonlinux", "ol", "talos"].forEach((name) => { SYSTEMS[name] = name; });
  const ACCELERATORS = ["rtx-pro-6000", "gb200", "gb300", "a100", "b200", "h100", "h200", "l40s", "l40"];
  const BY_PROVIDER = ["eks", "gke", "aks", "oke", "lke", "kind"];
  const VERSIONS = ["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1"];
  const STATED = { service: ["service"], accelerator: ["accelerator"], os: ["os"] };

  const list = (value, place) => {
    if (value == null) return [];
    if (!Array.isArray(value)) throw new Error(`${place} of the snapshot is no list`);
    return value;
  };
  const read = (document) => {
    if (document?.kind !== "Snapshot") throw new Error(`this is no snapshot: its kind is '${document?.kind ?? ""}', not 'Snapshot'`);
    if (!VERSIONS.includes(document.apiVersion || VERSIONS[0])) throw new Error(`apiVersion '${document.apiVersion}' of the snapshot is not known`);
    const types = new Map();
    for (const measurement of list(document.measurements, "measurements")) {
      if (types.has(measurement?.type)) continue;
      const groups = new Map();
      for (const group of list(measurement?.subtypes, "subtypes")) if (!groups.has(group.subtype)) groups.set(group.subtype, { data: group.data ?? {}, items: group.items ?? [] });
      types.set(measurement.type, groups);
    }
    if (!types.size && ![document.objects, document.releases, document.coverage].some((each) => each?.length)) throw new Error("this snapshot shows nothing: it has no measurements");
    return { stated: document.fingerprint ?? {}, types };
  };
  const text = (value) => (value == null ? "" : String(value).trim());
  const reading = (taken, type, group, key) => text(taken.types.get(type)?.get(group)?.data[key]);

  const product = (name) => {
    const words = `-${(name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join("-")}-`;
    return ACCELERATORS.find((known) => words.includes(`-${known}-`)) ?? "";
  };
  const accelerator = (taken) => {
    const label = "nvidia.com/gpu.product", labels = taken.types.get("NodeTopology")?.get("label")?.data ?? {};
    const found = new Set(Object.keys(labels).filter((key) => key === label || key.startsWith(`${label}.`)).map((key) => product(String(labels[key]).split("|")[0])));
    if (found.size > 1) return "";
    return [...found].join("") || product(reading(taken, "GPU", "hardware", "model"));
  };
  const fingerprint = (taken) => {
    const provider = reading(taken, "K8s", "node", "provider");
    const derived = {
      service: provider.startsWith("ocid1") ? "oke" : SERVICES[provider] ?? provider,
      accelerator: accelerator(taken),
      os: SYSTEMS[reading(taken, "OS", "release", "ID").toLowerCase()] ?? "",
    };
    const found = {};
    for (const [dimension, names] of Object.entries(STATED)) {
      const name = names.find((each) => each in taken.stated);
      let said = name && taken.stated[name];
      if (said?.note === "unknown-sku") said = null; // to whoever took it, perhaps not to this catalog
      const value = said == null ? derived[dimension] : text(typeof said === "object" ? said.value : said);
      if (value) found[dimension] = value;
    }
    return found;
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
  const version = (word) => {
    const parts = word.replace(/^v/, "").split(/[-+]/)[0].split(".");
    return parts.length <= 3 && parts.every((part) => /^\d{1,18}$/.test(part)) ? parts.map(BigInt) : null;
  };
  const order = (left, right) => {
    const [a, b] = [left, right].map((word) => {
      const found = version(word);
      if (!found) throw new Error(`'${word}' is no version`);
      return found;
    });
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
  };
  const equal = (expected, actual) => {
    const [a, b] = [version(expected), version(actual)];
    if (expected.includes(".") && a && b) return [0, 1, 2].every((i) => (a[i] ?? 0n) === (b[i] ?? 0n));
    return expected === actual;
  };
  const term = (word, actual) => {
    const inside = /^in\s*[([](.*)[)\]]$/s.exec(word);
    if (inside) return inside[1].split(",").some((each) => equal(each.trim().replace(/^['"]|['"]$/g, ""), actual));
    const [, op, rest] = /^(>=|<=|!=|==|>|<|)(.*)$/s.exec(word);
    const value = rest.trim();
    if (!value) throw new Error("there is nothing to compare with");
    if (op === "==" || op === "!=") return equal(value, actual) === (op === "==");
    if (!op) return actual === value;
    const sign = order(actual, value);
    return { ">=": sign >= 0, ">": sign > 0, "<=": sign <= 0, "<": sign < 0 }[op];
  };
  const holds = (expression, raw) => {
    const actual = raw.trim();
    return ` ${expression} `.split(" || ").map((each) => each.trim()).some((each) =>
      (/^[<>]/.test(each) ? each.split(/(?:\s*,\s*|\s+)(?=[<>]|[!=]=)/) : [each]).every((part) => term(part, actual)));
  };

  const fit = (recipe, taken, shown) => {
    const version = reading(taken, "K8s", "server", "version");
    let unknown = "";
    for (const dimension of Object.keys(STATED)) {
      const wanted = recipe.criteria[dimension], actual = shown[dimension];
      if (!wanted || wanted === actual) continue;
      const rented = dimension === "service" && !BY_PROVIDER.includes(wanted);
      const lead = `${dimension}: the recipe is for ${wanted}, `;
      if (!actual) unknown ||= `${lead}and the cluster does not show its own`;
      else if (rented && version.includes(`-${actual}`)) return { fit: "misses", why: `${lead}and the cluster's Kubernetes is ${version}` };
      else if (rented) unknown ||= `${lead}which no provider gives away; the cluster's is that of ${actual}`;
      else return { fit: "misses", why: `${lead}and the cluster shows ${actual}` };
    }
    for (const [name, value] of recipe.constraints) {
      if (name.split(".").length < 3) { unknown ||= `${name}: it has to be measured, and the recipe names no check that does`; continue; }
      try {
        const actual = lookup(taken, name);
        if (!holds(value, actual)) return { fit: "misses", why: `${name}: it is ${actual}, not ${value}` };
      } catch (error) { unknown ||= `${name}: ${error.message}`; }
    }
    return { fit: unknown ? "unknown" : "fits", why: unknown };
  };
  const RANK = ["fits", "unknown", "misses"];
  const all = (data, document) => {
    const taken = read(document), shown = fingerprint(taken);
    const found = data.recipes.map((recipe) => ({ recipe, ...fit(recipe, taken, shown), n: Object.keys(recipe.criteria).length }));
    found.sort((a, b) => RANK.indexOf(a.fit) - RANK.indexOf(b.fit) || b.n - a.n || (a.recipe.slug < b.recipe.slug ? -1 : 1));
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
