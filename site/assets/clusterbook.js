/* What pages do besides being read. Each part looks for its element by data-cb; without it, or without JavaScript, every
   fact still stands on some page. Data comes as scripts, since a page opened from a disk may read no other file. */
"use strict";
(() => {
  const ROOT = new URL("../", document.currentScript.src);
  const waiting = {};
  window.clusterbook = { take: (name, data) => waiting[name]?.(data) };

  const script = (path, loaded) => new Promise((resolve, reject) => {
    const element = make("script", { src: new URL(path, ROOT).href, onload: loaded ? null : resolve });
    element.onerror = () => reject(new Error(`${path} cannot be read`));
    if (loaded) loaded(resolve);
    document.head.append(element);
  });
  const read = {};
  const load = (name, path) => read[name] ??= script(path, (resolve) => { waiting[name] = resolve; });
  const index = () => load("index", "api/v1/index.js");

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element[name] = value;
      else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(9).filter((child) => child != null));
    return element;
  };
  const code = (text) => make("code", {}, text);
  const typed = (command) => make("code", { class: "cb-typed" }, command.split(" ").map((word, i) => [i ? " " : "", make("span", {}, word)]));
  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

  // --- as the client answers, from the map of index.js
  const DIMENSIONS = ["service", "accelerator", "intent", "os", "platform"];
  // the values that overlays claim, between any and all others; another one that may be asked for changes nothing
  const offered = (data, name) => data.axes[DIMENSIONS.indexOf(name)].slice(1, -1);
  // what a word spells in a dimension: "" for any, null where the catalog does not know it
  const spelled = (data, name, text = "") => {
    const word = text.trim().toLowerCase(), known = data.dimensions[name];
    if (word === "" || word === "any") return "";
    if (known.includes(word) || data.open) return word;
    const other = data.aliases[name]?.[word];
    return other === "any" ? "" : known.includes(other) ? other : null;
  };
  // letters in common, as Python's difflib counts them: the longest run, then those on both sides of it
  const common = (a, b) => {
    let [at, there, longest] = [0, 0, 0];
    for (let i = 0; i < a.length; i++) for (let j = 0; j < b.length; j++) {
      let n = 0;
      while (i + n < a.length && a[i + n] === b[j + n]) n++;
      if (n > longest) [at, there, longest] = [i, j, n];
    }
    return longest && common(a.slice(0, at), b.slice(0, there)) + longest + common(a.slice(at + longest), b.slice(there + longest));
  };
  const meant = (data, name, text) => {
    const word = text.toLowerCase(), score = (each) => 2 * common(each, word) / (each.length + word.length);
    const found = [...data.dimensions[name], ...Object.keys(data.aliases[name] || {})].filter((each) => score(each) >= 0.6);
    return found.sort((a, b) => score(b) - score(a) || (a < b ? 1 : -1))[0];
  };
  const answer = (data, asked) => {
    const unknown = DIMENSIONS.find((name) => spelled(data, name, asked[name]) === null);
    if (unknown) {
      const allowed = [...offered(data, unknown), "any"], near = meant(data, unknown, asked[unknown].trim());
      const hint = near ? `did you mean '${near}'?` : `type --${unknown} ${allowed[0]}, say`;
      return { state: "refused", text: `${unknown} '${asked[unknown]}' is not known; there are recipes for: ${allowed.join(", ")}`, hint };
    }
    const query = Object.fromEntries(DIMENSIONS.map((name) => [name, spelled(data, name, asked[name])]));
    if (!data.flat) {
      data.flat = [];
      for (let i = 0; i < data.map.length; i += 2) for (let n = data.map[i + 1]; n; n--) data.flat.push(data.map[i]);
    }
    let at = 0;
    DIMENSIONS.forEach((name, i) => {
      const axis = data.axes[i], place = axis.indexOf(query[name] || "any");
      at = at * axis.length + (place < 0 ? axis.length - 1 : place);
    });
    const entry = data.flat[at], reason = data.reasons[-1 - entry];
    const recipe = reason?.slug ? reason : data.recipes[entry]; // one that is not served by itself is in `reasons`
    if (!recipe) {
      const said = DIMENSIONS.filter((name) => query[name]).map((name) => `${name} ${query[name]}`).join(", ");
      const text = reason.os ? `an OS is required for ${said} (valid: ${reason.os.join(", ")})` : reason.text;
      return { state: "unsupported", text, nearest: nearest(data, query) };
    }
    const lost = DIMENSIONS.filter((name) => query[name] && !recipe.criteria[name]);
    if (!lost.length) return { state: recipe.state, recipe, text: "" };
    const what = lost.map((name) => `${name} ${query[name]}`).join(", ");
    const text = `${what} ha${lost.length === 1 ? "s" : "ve"} no effect; the answer is ${recipe.slug}`;
    return { state: "inherited", recipe, text, nearest: nearest(data, query) };
  };
  const WEIGHTS = [16, 12, 8, 5, 8];
  const nearest = (data, query) => data.curated.map((n) => {
    const recipe = data.recipes[n];
    const cost = DIMENSIONS.reduce((sum, name, i) => {
      const asked = query[name] || "", offered = recipe.criteria[name] || "";
      return sum + (asked === offered ? 0 : !offered ? WEIGHTS[i] : !asked ? 1 : 2 * WEIGHTS[i]);
    }, recipe.criteria.nodes ? 1 : 0);
    return { slug: recipe.slug, cost };
  }).sort((a, b) => a.cost - b.cost || (a.slug < b.slug ? -1 : 1)).slice(0, 3).map((each) => each.slug);
  Object.assign(window.clusterbook, { answer, index });

  const known = (tested) => !tested ? "not tested on hardware" : tested.stale ? `${tested.version} ${tested.says}` : tested.says;

  const titled = (name) => (name === "os" ? "OS" : name);
  // a link to a file made on demand
  const saved = (kind, content) => make("a", { href: "#", download: `recipes.${kind}`, onclick: (event) => { event.currentTarget.href = `data:text/${kind};charset=utf-8,${encodeURIComponent(content())}`; } }, kind.toUpperCase());

  // --- finder
  const finder = async (element) => {
    const data = await index();
    const params = new URLSearchParams(location.search);
    const query = {};
    [...DIMENSIONS, "state", "find"].forEach((name) => {
      const given = params.get(name) || "", value = DIMENSIONS.includes(name) ? spelled(data, name, given) ?? given : given;
      if (value) query[name] = value;
    });
    const names = JSON.parse(element.dataset.cbNames);
    const facets = make("form", { class: "cb-facets", "aria-label": "Criteria" });
    const chips = make("p", { class: "cb-chips" });
    const verdict = make("div", { class: "cb-verdict", role: "status" });
    const list = make("ul", { class: "cb-list" });
    const more = make("p");
    const pair = make("p", { class: "cb-picked", role: "status" });
    const search = make("input", { class: "cb-input", type: "search", value: query.find || "", "aria-label": "Name or component", placeholder: "name or component" });
    const picked = [];
    let all = false;
    const link = (recipe) => recipe.title ? make("a", { href: `${recipe.slug}.html` }, recipe.title) : make("span", {}, `${recipe.slug}, which has no page: it is for those who name another OS`);
    const of = (recipe, name) => (name === "state" ? recipe.state : recipe.criteria[name]);
    const fits = (recipe, without) => [...DIMENSIONS, "state"].every((name) => name === without || !query[name] || of(recipe, name) === query[name])
      && (!query.find || `${recipe.slug} ${recipe.title} ${recipe.components.map((n) => data.components[n]).join(" ")}`.toLowerCase().includes(query.find.toLowerCase()));
    const choose = (name, value) => { if (value) query[name] = value; else delete query[name]; keep(); draw(); };
    const compared = () => pair.replaceChildren(...(picked.length === 2
      ? [make("a", { class: "md-button md-button--primary", href: new URL(`compare.html?${new URLSearchParams([["a", picked[0]], ["b", picked[1]]])}`, ROOT).href }, "Compare the two"), picked.join(" and ")]
      : picked.length ? [`${picked[0]}: tick another to compare it with`] : []));
    const named = (recipe) => ({ ...recipe, components: recipe.components.map((n) => data.components[n]) });
    const csv = (found) => [["recipe", "title", "state", "version", ...DIMENSIONS, "nodes", "components", "checks", "tested"],
      ...found.map((recipe) => [recipe.slug, recipe.title, recipe.state, recipe.version, ...[...DIMENSIONS, "nodes"].map((name) => recipe.criteria[name] ?? ""), recipe.components.length, recipe.checks, known(recipe.tested)])]
      .map((row) => `${row.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(",")}\r\n`).join("");
    const draw = () => {
      const chosen = document.activeElement?.name;
      facets.replaceChildren(...[...DIMENSIONS, "state"].map((name) => {
        const values = name === "state" ? ["curated", "composed"] : offered(data, name);
        const option = (value, label) => {
          const n = data.recipes.filter((recipe) => fits(recipe, name) && (!value || of(recipe, name) === value)).length;
          const input = make("input", { type: "radio", name, value, checked: (query[name] || "") === value });
          input.onchange = () => choose(name, value);
          return make("label", { class: !n && "cb-none" }, input, make("span", {}, label), make("span", {}, String(n)));
        };
        return make("fieldset", {}, make("legend", {}, titled(name)), option("", "any"), values.map((value) => option(value, names[value] || value)));
      }));
      if (chosen) facets.querySelector(`[name="${chosen}"]:checked`)?.focus();
      const asked = DIMENSIONS.filter((name) => query[name]);
      chips.replaceChildren(...[...asked, ...["state", "find"].filter((name) => query[name])].map((name) => make("button", { class: "cb-chip", type: "button", "aria-label": `Drop ${name} ${query[name]}`,
        onclick: () => { if (name === "find") search.value = ""; choose(name); search.focus(); } }, make("span", {}, `${titled(name)} `), names[query[name]] || query[name], " ×")));
      const found = data.recipes.filter((recipe) => fits(recipe));
      const said = answer(data, query);
      const fuller = said.nearest ? data.recipes.filter((recipe) => asked.every((name) => recipe.criteria[name] === query[name])).sort((a, b) => Object.keys(a.criteria).length - Object.keys(b.criteria).length).slice(0, 3) : [];
      const near = (said.nearest || []).filter((slug) => !fuller.some((recipe) => recipe.slug === slug) && slug !== said.recipe?.slug);
      const state = make("span", { class: `cb-state cb-${said.state}` }, said.state);
      const command = ["clusterbook recipe", ...asked.map((name) => `--${name} ${query[name]}`), ...(said.state === "inherited" ? ["--allow-inherited"] : [])].join(" ");
      verdict.replaceChildren(
        !asked.length ? make("p", {}, "Choose what your cluster is. Without any criterion, the answer is:") : make("p", {}, state, ": ", said.state === "curated" ? "one overlay is for exactly this" : said.state === "composed" ? "several overlays together are for exactly this" : said.text, said.hint ? ` (${said.hint})` : ""),
        ...(fuller.length ? [make("p", {}, "Say more, and there is a recipe:"), make("ul", {}, fuller.map((recipe) => make("li", { class: "cb-answer" }, link(recipe), make("small", {}, ` ${Object.entries(recipe.criteria).filter(([name]) => !query[name]).map(([name, value]) => `--${name} ${value}`).join(" ")}`))))] : []),
        ...(said.recipe ? [make("p", { class: !fuller.length && "cb-answer" }, fuller.length ? "As asked, you get " : "", link(said.recipe))] : []),
        ...(near.length ? [make("p", {}, "Nearest: ", near.map((slug, i) => [i ? ", " : "", make("a", { href: `${slug}.html` }, slug)]))] : []),
        ...(said.recipe ? [make("p", { class: "cb-command" }, typed(command), copier(command))] : []),
        make("p", {}, make("small", {}, `${found.length} of ${plural(data.recipes.length, "recipe")} in the list`, found.length ? [": ", saved("csv", () => csv(found)), ", ", saved("json", () => JSON.stringify(found.map(named), null, 1))] : [])));
      list.replaceChildren(...found.slice(0, all ? Infinity : 100).map((recipe) => {
        const box = make("input", { type: "checkbox", checked: picked.includes(recipe.slug) });
        box.onchange = () => {
          if (box.checked) picked.push(recipe.slug); else picked.splice(picked.indexOf(recipe.slug), 1);
          if (picked.length > 2) { picked.shift(); draw(); list.querySelector(`[value="${recipe.slug}"]`)?.focus(); }
          compared();
        };
        box.value = recipe.slug;
        return make("li", {}, link(recipe),
          make("small", {}, make("span", { class: `cb-${recipe.state}` }, recipe.state), ` · ${recipe.version || "not released"} · ${plural(recipe.components.length, "component")} · ${plural(recipe.checks, "check")} · ${known(recipe.tested)}`),
          make("label", {}, box, " compare", make("span", { class: "cb-hidden" }, ` ${recipe.slug}`)));
      }), ...(found.length ? [] : [make("li", {}, "No recipe is in all of these. Drop one of them, or ask for less.")]));
      more.replaceChildren(...(found.length > 100 && !all ? [make("button", { class: "md-button", type: "button", onclick: () => { all = true; draw(); } }, `Show all ${found.length}`)] : []));
    };
    const keep = () => history.replaceState(null, "", `?${new URLSearchParams(query)}`);
    search.oninput = () => { choose("find", search.value); };
    const clear = make("button", { class: "md-button", type: "button", onclick: () => { Object.keys(query).forEach((name) => delete query[name]); search.value = ""; keep(); draw(); } }, "Clear");
    const side = make("details", { open: matchMedia("(min-width: 60em)").matches }, make("summary", {}, "Criteria"), facets);
    element.replaceChildren(make("div", { class: "cb-finder" }, make("div", {}, make("p", {}, search), side, make("p", {}, clear)), make("div", {}, chips, verdict, list, more, pair)));
    draw();
  };

  // --- coverage
  const MEASURES = {
    recipes: ["recipes", (found) => found.length],
    checks: ["most checks declared", (found) => Math.max(...found.map((recipe) => recipe.checks))],
    tested: ["recipes that passed whole, by fresh evidence", (found) => found.filter((recipe) => recipe.tested?.verdict === "passed" && !recipe.tested.stale).length],
  };
  const coverage = async (element) => {
    const data = await index(), names = JSON.parse(element.dataset.cbNames), params = new URLSearchParams(location.search);
    const out = make("div", { class: "cb-scroll", tabindex: 0, role: "region" });
    const pickers = Object.entries({ rows: DIMENSIONS, columns: DIMENSIONS, measure: Object.keys(MEASURES) }).map(([name, values]) => make("select", { class: "cb-input", name, onchange: (event) => { draw(event.target); keep(); } },
      values.map((value) => make("option", { value, selected: value === params.get(name) }, MEASURES[value]?.[0] ?? titled(value)))));
    const [rows, columns, measure] = pickers;
    const keep = () => history.replaceState(null, "", `?${new URLSearchParams(pickers.map((input) => [input.name, input.value]))}`);
    const draw = (moved = rows) => {
      if (rows.value === columns.value) (moved === columns ? rows : columns).value = DIMENSIONS.find((name) => name !== moved.value);
      const [row, column] = [rows.value, columns.value], [text, count] = MEASURES[measure.value];
      const cells = offered(data, row).map((a) => offered(data, column).map((b) => {
        const found = data.recipes.filter((recipe) => recipe.criteria[row] === a && recipe.criteria[column] === b);
        return { a, b, of: found.length, n: found.length && count(found) };
      }));
      const most = Math.max(6, ...cells.flat().map((cell) => cell.n));
      const says = (n, of) => (measure.value === "tested" ? `${n} of ${of}` : n);
      const drawn = ({ a, b, of, n }) => make("td", { class: `cb-heat-${Math.ceil(6 * n / most)}` }, of ? make("a", { href: `recipes/index.html?${row}=${a}&${column}=${b}`, "aria-label": `${says(n, of)} for ${a} with ${b}` }, says(n, of)) : "–");
      const head = (value, scope) => make("th", { scope }, names[value] || value);
      out.ariaLabel = `${text} by ${row} and ${column}`;
      out.replaceChildren(make("table", { class: "cb-heat" },
        make("thead", {}, make("tr", {}, head(titled(row), "col"), offered(data, column).map((value) => head(value, "col")))),
        make("tbody", {}, cells.map((line, i) => make("tr", {}, head(offered(data, row)[i], "row"), line.map(drawn))))));
    };
    element.replaceChildren(make("p", { class: "cb-axes" }, pickers.map((input) => make("label", {}, `${input.name} `, input))), out);
    draw();
  };

  const copier = (text, label = "Copy") => {
    const button = make("button", { class: "md-button", type: "button" }, label);
    button.onclick = async () => {
      try { await navigator.clipboard.writeText(text); }
      catch {
        const area = make("textarea", {}, text);
        document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
      }
      button.textContent = "Copied";
    };
    return button;
  };

  // --- compare
  const compare = async (element) => {
    const data = await index();
    const params = new URLSearchParams(location.search);
    const names = data.recipes.flatMap((recipe) => [recipe.slug, ...recipe.versions.map((version) => `${recipe.slug}@${version}`)]);
    const titles = Object.fromEntries(data.recipes.map((recipe) => [recipe.slug, recipe.title]));
    const options = make("datalist", { id: "cb-names" }, names.map((name) => make("option", { value: name }, titles[name.split("@")[0]])));
    const field = (key, label) => {
      const input = make("input", { list: "cb-names", value: params.get(key) || "", placeholder: "name, or name@version" });
      input.onchange = () => show();
      return [input, make("label", {}, label, input)];
    };
    const [left, leftLabel] = field("a", "From"), [right, rightLabel] = field("b", "To");
    const same = make("input", { type: "checkbox", onchange: () => show() });
    const out = make("div", { class: "cb-compare", role: "status" });
    const swap = make("button", { class: "md-button", type: "button", onclick: () => { [left.value, right.value] = [right.value, left.value]; show(); } }, "Swap");
    element.replaceChildren(options, make("div", { class: "cb-pick" }, leftLabel, rightLabel), make("p", {}, swap, " ", make("label", {}, same, " also what is the same")), out);
    // versions, neighbours, the nearest for each other GPU; else pairs
    const suggestions = (given) => {
      const rich = (each) => 10 * each.versions.length + Object.keys(each.criteria).length; // what changed most often tells most
      const own = data.recipes.find((each) => each.slug === given.split("@")[0]) || data.recipes.reduce((one, two) => (rich(two) > rich(one) ? two : one));
      const apart = (each) => DIMENSIONS.filter((name) => each.criteria[name] !== own.criteria[name]).length;
      const close = (all) => all.filter((each) => each !== own).sort((one, two) => apart(one) - apart(two))[0];
      const others = own.criteria.accelerator ? offered(data, "accelerator").map((value) => close(data.recipes.filter((each) => each.criteria.accelerator === value))) : [];
      const near = new Set([...data.recipes.filter((each) => apart(each) === 1), ...others.filter((each) => each && each.criteria.service === own.criteria.service)]);
      const pairs = [...own.versions.slice(0, -1).map((version) => [`${own.slug}@${version}`, own.slug]), ...[...near].map((each) => [given || own.slug, each.slug])].slice(0, given ? 20 : 4);
      return [make("p", {}, given ? `Name what to compare ${given} with, or take one of these:` : "Name two recipes, or two versions of one. For example:"),
        make("ul", {}, pairs.map((both) => make("li", {}, make("a", { href: `?${new URLSearchParams([["a", both[0]], ["b", both[1]]])}` }, given ? both.find((each) => each !== given && each !== own.slug) : both.join(" and ")))))];
    };
    const recipe = (name) => load(name, `api/v1/recipes/${name.replace("@", "/")}.js`);
    const show = async () => {
      const a = left.value.trim(), b = right.value.trim();
      history.replaceState(null, "", `?${new URLSearchParams({ ...(a && { a }), ...(b && { b }) })}`);
      if (!a || !b) { out.replaceChildren(...suggestions(a || b)); return; }
      const unknown = [a, b].filter((name) => !names.includes(name));
      if (unknown.length) { out.replaceChildren(make("p", {}, `There is no recipe ${unknown.join(" nor ")}.`)); return; }
      const [one, two] = await Promise.all([recipe(a), recipe(b)]);
      const rows = differences(one, two, same.checked);
      const told = rows.filter((row) => row.kind !== "same");
      const body = rows.map((row) => make("tr", { class: `cb-${row.kind}` }, make("th", { scope: "row" }, row.where), make("td", { class: "cb-kind" }, row.kind), side(row.left, a), side(row.right, b)));
      const markdown = [`| What | Difference | ${a} | ${b} |`, "|---|---|---|---|", ...told.map((row) => `| ${row.where} | ${row.kind} | ${cell(row.left)} | ${cell(row.right)} |`)].join("\n");
      out.replaceChildren(make("p", {}, told.length ? `${plural(told.length, "difference")} between ${a} and ${b}.` : `${a} and ${b} do not differ.`),
        make("p", { class: "cb-command" }, typed(`clusterbook diff ${a} ${b}`), copier(`clusterbook diff ${a} ${b}`), copier(markdown, "Copy as Markdown")),
        make("table", { class: "cb-stack" }, make("thead", {}, make("tr", {}, ["What", "Difference"].map((text) => make("th", { scope: "col" }, text)), [a, b].map((name) => make("th", { scope: "col" }, make("a", { href: `recipes/${name.replace("@", "/")}.html` }, name))))), make("tbody", {}, body)));
    };
    const cell = (said) => {
      if (!said) return "–";
      const tick = said.text.includes("`") ? ["`` ", " ``"] : ["`", "`"];
      return `${tick[0]}${said.text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")}${tick[1]}${said.by ? ` by ${said.by}` : ""}`;
    };
    const side = (said, of) => make("td", { "data-of": of }, said ? code(said.text) : "–", said?.by ? make("span", { class: "cb-by" }, `set by ${said.by}`) : null);
    if (left.value && !right.value) right.focus();
    show();
  };
  // joins the facts of two recipes as clusterbook.diff.recipes does: what comes or goes is told without what is below it,
  // an order by what both have, overrides by the values they set
  const differences = (one, two, same) => {
    const sides = [one, two].map((recipe) => new Map(recipe.facts.flatMap(([section, component, origins, rows]) => rows.map(([key, text, by, id = text]) =>
      [[section, component, key].join("\0"), { section: recipe.sections[section], place: [section, component, key], text, by: origins[by], id }]))));
    const [old, now] = sides;
    const lone = (...place) => old.has(place.join("\0")) !== now.has(place.join("\0"));
    const at = Object.fromEntries(one.sections.map((name, i) => [name, i]));
    const order = (mine, theirs) => JSON.stringify(mine.id.filter((each) => theirs.id.includes(each)));
    const rows = [...new Set([...old.keys(), ...now.keys()])].map((key) => {
      const left = old.get(key), right = now.get(key), { section, place } = left || right, [, component, name] = place;
      const below = component && section !== "component" && (lone(at.component, component, "") || (section === "image" && name && lone(place[0], component, "")));
      const alike = left && right ? (section === "order" ? order(left, right) === order(right, left) : JSON.stringify(left.id) === JSON.stringify(right.id)) : section === "order";
      const where = [component, name || (section === "image" && "images")].filter(Boolean).join(" ");
      return { where, section, place, component, name, left, right, kind: below ? "" : alike ? "same" : !left ? "added" : !right ? "removed" : "changed" };
    });
    const told = new Set(rows.filter((row) => row.section === "value" && row.kind && row.kind !== "same").map((row) => row.component));
    const by = (a, b) => { const i = a.place.findIndex((each, n) => each !== b.place[n]); return i < 0 ? 0 : a.place[i] < b.place[i] ? -1 : 1; };
    return rows.filter((row) => row.kind && (same || row.kind !== "same") && !(row.section === "field" && row.name === "overrides" && told.has(row.component))).sort(by);
  };
  Object.assign(window.clusterbook, { differences, load });

  // --- small things
  const filter = (input) => {
    const shown = make("span", { class: "cb-shown", role: "status" });
    input.closest("p").append(shown);
    input.oninput = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = [...document.querySelectorAll(input.dataset.cbRows)];
      rows.forEach((row) => { row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word)); });
      shown.textContent = words.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
      document.querySelectorAll("details.cb-values").forEach((part) => {
        const any = part.querySelector("tbody tr:not([hidden])");
        part.hidden = !any;
        if (words.length && any) part.open = true;
      });
    };
  };
  const stack = (table) => {
    const heads = [...table.querySelectorAll("thead th")].map((head) => (head.textContent.length < 24 ? head.textContent : ""));
    table.classList.add("cb-stack");
    for (const row of table.querySelectorAll("tbody tr")) {
      const lead = row.querySelector("th") || row.cells[0]; // on a phone it heads the block that the row becomes
      for (const cell of row.cells) {
        if (cell !== lead) cell.dataset.of = heads.length > 2 ? heads[cell.cellIndex] : "";
        if (cell.textContent === "–") cell.classList.add("cb-blank");
      }
    }
  };
  const only = (input) => { input.onchange = () => document.querySelectorAll(input.dataset.cbRows).forEach((row) => { row.style.display = input.checked ? "none" : ""; }); };
  const tabs = (element) => {
    const panels = [...element.querySelectorAll(":scope > section")];
    const bar = make("div", { role: "tablist", "aria-label": "Ways to use it" });
    const choose = (n, focus) => panels.forEach((panel, i) => {
      const tab = bar.children[i];
      panel.hidden = i !== n;
      tab.setAttribute("aria-selected", i === n);
      tab.tabIndex = i === n ? 0 : -1;
      if (i === n && focus) tab.focus();
    });
    panels.forEach((panel, i) => {
      panel.id = `use-${i}`; panel.setAttribute("role", "tabpanel"); panel.setAttribute("aria-labelledby", `tab-${i}`);
      const title = panel.querySelector("h3"); title.hidden = true;
      const tab = make("button", { role: "tab", id: `tab-${i}`, type: "button", "aria-controls": panel.id, onclick: () => choose(i) }, title.textContent);
      tab.onkeydown = (event) => { const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]; if (step) choose((i + step + panels.length) % panels.length, true); };
      bar.append(tab);
    });
    element.prepend(bar);
    choose(0);
  };
  const fits = async (element) => {
    const [data, tables] = await Promise.all([index(), load("recognition", "api/v1/recognition.js"), script("assets/fits.js")]);
    window.clusterbook.fits(element, data, tables, { make, script });
  };

  const upgrade = async (element) => {
    await script("assets/upgrade.js");
    await window.clusterbook.upgrade(element, { make, script, load, copier, typed, plural });
  };

  const parts = { upgrade, finder, compare, coverage, filter, only, tabs, fits };
  const start = () => {
    document.querySelectorAll("[data-cb]").forEach((element) => parts[element.dataset.cb](element));
    document.querySelectorAll("article table:not(.cb-heat)").forEach(stack);
    document.querySelectorAll(".cb-digest").forEach((digest) => digest.after(copier(digest.textContent)));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
