/* Upgrades: the plan from one published version of a recipe to another, as `clusterbook upgrade plan` made it when the site
   was built. Nothing is planned here: a plan is put together from entries that many plans share, and shown. What a dropped
   snapshot or recipe says is which version is installed, where that can be told. */
"use strict";
(() => {
  const LISTS = ["releases", "needsYou", "requirements"];
  const ACTIONS = { comes: "new", goes: "removed", renamed: "renamed", moves: "moves", upgrades: "upgraded", changes: "other values", stays: "unchanged" };
  const visible = (said) => String(said).replace(/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/gu, (each) => `\\u{${each.codePointAt(0).toString(16)}}`);
  const slugOf = (name) => name.split("@")[0];
  const own = (map, key) => (map && Object.hasOwn(map, key) ? map[key] : undefined); // what strangers name may be called like what every object has

  // the document that `upgrade plan FROM TO -t json` writes, null where that upgrade was not planned beforehand
  const assemble = (part, from, to) => {
    const numbers = own(own(part.plans, to), from);
    if (!numbers) return null;
    const found = Object.fromEntries(LISTS.map((name, i) => [name, numbers[i].map((n) => part.lists[name][n])]));
    return { apiVersion: "clusterbook.dev/v1alpha1", kind: "UpgradePlan", metadata: { from, to, deployer: "helm" }, spec: { ...found, notes: [] } };
  };
  const dotted = (pointer) => pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
  const word = (value) => { const text = JSON.stringify(value); return text.length > 160 ? `${text.slice(0, 159)}…` : text; };
  const effect = (value) => {
    if (value.effect === "unproven") return "not proven";
    const more = (value.changes?.length ?? 0) - 1 + (value.more ?? 0);
    return value.changes?.length ? `${value.effect}: ${value.changes[0]}${more ? ` and ${more} more` : ""}` : value.effect;
  };
  // one side of a release, with what differs from the other besides its version
  const side = (mine, other) => {
    if (!mine) return "–";
    const words = ["release", "namespace", "chart", "repository"].filter((key) => mine[key] && other && mine[key] !== other[key]);
    return [mine.version, ...words.map((key) => (key === "release" ? mine[key] : `${key} ${mine[key]}`))].filter(Boolean).join(", ") || "its manifests";
  };
  // what there is to say of a step besides versions and values
  const rest = (step) => [
    ...(step.manifests ? [`manifests: ${step.manifests.join(", ")}`] : []),
    ...(step.kinds ?? []).map((kind) => `kind ${kind.name} ${kind.change}: ${kind.how}${kind.lost ? `; no longer served: ${kind.lost.join(", ")}` : ""}`),
    ...(step.record ? [`record: ${step.record.verdict}: ${step.record.why}`] : []),
    ...(step.notes ?? []).filter((note) => !note.needsYou).map((note) => note.text),
    ...(step.unproven ?? []).map((what) => `not proven: ${what}`),
  ];

  window.clusterbook.upgrade = async (element, { make, script, load, copier, typed, plural }) => {
    const known = await load("upgrades/index", "api/v1/upgrades/index.js");
    const part = (release) => load(`upgrades/${release}`, `api/v1/upgrades/${release}.js`);
    const versionsOf = (slug) => own(known.versions, slug);
    const releaseOf = (name) => own(versionsOf(slugOf(name)), name.split("@")[1]);
    const params = new URLSearchParams(location.search);
    const code = (text) => make("code", {}, text);
    const table = (heads, rows) => make("table", { class: "cb-stack" }, make("thead", {}, make("tr", {}, heads.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, rows.map(([head, ...cells]) => make("tr", {}, make("th", { scope: "row" }, head), cells.map((cell, i) => make("td", { "data-of": heads[i + 1], class: cell === "–" && "cb-blank" }, cell))))));

    const [given, aim] = ["from", "to"].map((key) => params.get(key) || "");
    const recipe = make("input", { class: "cb-input", list: "cb-slugs", value: slugOf(given || aim), placeholder: "name of a recipe" });
    const from = make("select", { class: "cb-input", "aria-label": "From" }), to = make("select", { class: "cb-input", "aria-label": "To" });
    const options = make("datalist", { id: "cb-slugs" }, Object.keys(known.versions).map((slug) => make("option", { value: slug })));
    const said = make("p", { role: "status" }), out = make("div", { class: "cb-plan", "aria-live": "polite" });

    const choices = (select, names, chosen) => select.replaceChildren(...names.map((name) => make("option", { value: name, selected: name === chosen }, `${name.split("@")[1]} (${releaseOf(name)})${slugOf(name) === recipe.value ? "" : ` of ${slugOf(name)}`}`)));
    const older = (slug) => { const names = Object.keys(versionsOf(slug) ?? {}).map((version) => `${slug}@${version}`); return own(known.successors, slug) ? names : names.slice(0, -1); };
    const newer = (name) => {
      const slug = slugOf(name), names = Object.keys(versionsOf(slug)).map((version) => `${slug}@${version}`);
      return [...names.slice(names.indexOf(name) + 1), ...(own(known.successors, slug) ?? [])];
    };
    const narrow = (start, end) => {
      const slug = recipe.value.trim(), names = older(slug);
      choices(from, names, names.includes(start) ? start : names.at(-1));
      const aims = from.value ? newer(from.value) : [];
      choices(to, aims, aims.includes(end) ? end : aims.at(-1));
      return show();
    };
    const show = async () => {
      const slug = recipe.value.trim();
      history.replaceState(null, "", slug ? `?${new URLSearchParams({ ...(from.value && { from: from.value }), to: to.value || slug })}` : location.pathname);
      if (!slug) return out.replaceChildren(make("p", {}, "Name a recipe, or drop a file that says which one is installed."));
      if (!versionsOf(slug)) return out.replaceChildren(make("p", {}, `There is no published recipe ${visible(slug)}.`));
      if (!from.value) return out.replaceChildren(make("p", {}, `${slug} has one published version, so there is no upgrade yet.`));
      const refused = [from.value, to.value].find((name) => known.refused[name]);
      const command = `clusterbook upgrade plan ${from.value} ${to.value}`;
      const plan = refused ? null : assemble(await part(releaseOf(to.value)), from.value, to.value);
      if (!plan) return out.replaceChildren(make("p", {}, refused ? `This upgrade cannot be planned from the recipes: no bundle can be made of ${refused}: ${known.refused[refused]}. A snapshot of the cluster can be the start:` : "This upgrade was not planned beforehand. The command plans it:"),
        make("p", { class: "cb-command" }, typed(refused ? `clusterbook upgrade plan cluster.yaml ${to.value}` : command)));
      draw(plan, command);
    };
    const draw = (plan, command) => {
      const steps = plan.spec.releases, needs = plan.spec.needsYou, moved = steps.filter((step) => !["changes", "stays"].includes(step.action));
      const set = steps.flatMap((step) => (step.values ?? []).map((value) => [step.component, value])), isDropped = ([, value]) => !("after" in value) && value.effect === "unproven";
      const values = set.filter((each) => !isDropped(each)), dropped = set.filter(isDropped), others = steps.map((step) => [step, rest(step)]).filter(([, lines]) => lines.length);
      const json = make("a", { href: "#", download: "upgrade-plan.json", onclick: (event) => { event.currentTarget.href = `data:application/json;charset=utf-8,${encodeURIComponent(`${JSON.stringify(plan, null, 2)}\n`)}`; } }, "JSON");
      out.replaceChildren(
        make("p", {}, `${plan.metadata.from} → ${plan.metadata.to}: ${plural(steps.length, "release")}, of which ${steps.filter((step) => step.action !== "stays").length} change; ${needs.length ? plural(needs.length, "manual step") : "no manual steps"}.`),
        make("p", { class: "cb-command" }, typed(command), copier(command), json),
        make("h2", {}, "Manual steps"),
        needs.length ? make("ol", { class: "cb-needs" }, needs.map((need) => make("li", {}, need.release ? `${need.release}: ` : "", need.text, need.do ? [make("br"), make("small", {}, need.do)] : null))) : make("p", {}, "None: the deployer does all of it."),
        ...(moved.length ? [make("h2", {}, "Versions"), table(["Release", "What", "Before", "After", "Undo"], moved.map((step) => [step.release, ACTIONS[step.action], side(step.before, step.after), side(step.after, step.before), `${step.undo.possible}: ${step.undo.why}`]))] : []),
        ...(values.length ? [make("h2", {}, "Values"), table(["Value", "Before", "After", "Effect"], values.map(([component, value]) => [[`${component} `, code(dotted(value.pointer))], ...["before", "after"].map((key) => (key in value ? code(word(value[key])) : "–")), effect(value)]))] : []),
        ...(dropped.length ? [make("details", {}, make("summary", {}, `No longer set, effect not proven: ${dropped.length}`), make("ul", { class: "cb-columns" }, dropped.map(([component, value]) => make("li", {}, `${component} `, code(dotted(value.pointer)), ` ${word(value.before)}`))))] : []),
        ...(others.length ? [make("h2", {}, "The rest"), ...others.map(([step, lines]) => [make("h3", {}, step.release), make("ul", {}, lines.map((line) => make("li", {}, line)))]).flat()] : []),
        ...(steps.some((step) => step.action === "stays") ? [make("p", {}, `Unchanged: ${steps.filter((step) => step.action === "stays").map((step) => step.release).join(", ")}.`)] : []));
    };

    // --- which version a dropped file shows
    const parse = async (content) => {
      if (/^\s*[{[]/.test(content)) return JSON.parse(content);
      await script("assets/vendor/js-yaml.min.js");
      return window.jsyaml.load(content);
    };
    // every version whose releases are all in the cluster, in their namespaces and versions; those with the most releases
    const installed = async (document) => {
      if (!Array.isArray(document.releases) || !document.releases.length) throw new Error("the snapshot has no Helm releases, so it does not tell which recipe is installed");
      const there = new Set(document.releases.map((each) => `${each?.namespace}/${each?.name} ${each?.version}`)), found = new Map();
      for (const release of new Set(Object.values(known.versions).flatMap((each) => Object.values(each)))) {
        const { plans, lists } = await part(release);
        for (const [name, numbers] of Object.values(plans).flatMap(Object.entries)) {
          const before = numbers[0].map((n) => lists.releases[n].before).filter((each) => each?.chart);
          if (before.length && before.every((each) => there.has(`${each.namespace}/${each.release} ${each.version}`))) found.set(name, before.length);
        }
      }
      const most = Math.max(0, ...found.values());
      return [...found].filter(([, n]) => n === most).map(([name]) => name);
    };
    const start = (name) => { recipe.value = slugOf(name); return narrow(name); };
    const take = async (file) => {
      try {
        const document = await parse(await file.text()), metadata = document?.metadata ?? {};
        const named = `${metadata.slug}@${metadata.version}`;
        if (document?.kind === "RecipeResult") {
          if (!releaseOf(named)) throw new Error(`this recipe is no published version${metadata.slug ? ` of ${metadata.slug}` : ""}; type clusterbook upgrade plan ./bundle RECIPE`);
          said.replaceChildren(`${file.name} is ${visible(named)}. Options of a bundle are not in it: clusterbook upgrade plan ./bundle plans with them.`);
          return await start(named);
        }
        if (document?.kind !== "Snapshot") throw new Error("this is neither a snapshot nor the recipe.yaml of a bundle");
        const names = await installed(document), ask = `clusterbook upgrade plan ${visible(file.name)} ${recipe.value || "RECIPE"}`;
        if (!names.length) throw new Error(`the releases in this snapshot are those of no older published version; type ${ask}`);
        const line = names.length > 1 ? ["Several versions have these releases: ", names.slice(0, 12).map((name, i) => [i ? ", " : "", make("a", { href: `?from=${name}`, onclick: (event) => { event.preventDefault(); start(name); } }, name)])] : [`The cluster has the releases of ${names[0]}.`];
        said.replaceChildren(...line.flat(2), ` Values that were changed on the cluster, and what it meets already, are in the plan of: `, code(ask));
        if (names.length === 1 || names.some((name) => slugOf(name) === recipe.value)) await start(names.find((name) => slugOf(name) === recipe.value) ?? names[0]);
      } catch (error) { said.replaceChildren(visible(`${file.name}: ${error.message}`)); }
    };
    const input = make("input", { type: "file", accept: ".yaml,.yml,.json", class: "cb-file-input", onchange: () => input.files[0] && take(input.files[0]) });
    const drop = make("div", { class: "cb-drop" }, make("label", {}, "Or a snapshot, or the recipe.yaml of a bundle ", input));
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("cb-over"); };
    drop.ondragleave = () => drop.classList.remove("cb-over");
    drop.ondrop = (event) => { event.preventDefault(); drop.classList.remove("cb-over"); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); };
    recipe.onchange = () => narrow(); from.onchange = () => narrow(from.value, to.value); to.onchange = show;
    Object.assign(window.clusterbook, { planned: async (start, end) => assemble(await part(releaseOf(end)), start, end) });
    element.replaceChildren(options, make("div", { class: "cb-pick cb-steps" }, make("label", {}, "Recipe", recipe), make("label", {}, "From", from), make("label", {}, "To", to)), drop, said, out);
    narrow(given, aim);
  };
})();
