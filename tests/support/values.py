"""Values of charts as authors may write them."""

CORPUS = """\
words: [text, "no", 'off', true, False, TRUE, null, ~, "null", "true", "", ' ', "~"]
numbers: [0, -1, 1, 12, 0x1F, 0o17, 017, 0b101, 1_000, 1.5, 1., .5, -0.25, 1e3, 1E-3, 1.10, 999999]
texts: ["1.10", "007", "1e3", "0x1F", "1_000", "0o17", '12:30:45', 12:30:45, 1.2.3, v1.10, 2026-11-30, "2026-11-30"]
stamps: [2026-11-30T12:00:00Z, 1e, 0x, 08, 1__0, _1, +1, +.5, "=", <, a=b, 'it''s', "tab\\there", "\\u00e9", é]
maps: {a: {b: {c: {}}}, "a.b": 1, "1": one, "true": 2, "": empty, "a b": 3, a/b: 4}
folded: >
  one
  two

literal: |
  {{ not a template }}
    kept
  # no comment
keep: |+
  end


strip: |-
  end
quoted: "a: b # c"
colon: a:b
hash: a#b
dash: "- a"
star: "*a"
at: "@a"
percent: "%a"
deep: [[1, [2, {a: [3]}]], [], {}]
none:
list:
  - a
  -
  - {}
"""
"""What unquoted scalars, quoted ones, keys, blocks and empty things may look like in values."""

WHOLE_CORPUS = f"""{CORPUS}
id: 123456789012
large: {{a: {{b: 1000000}}, "c.d": -2500000, list: [{{uid: 1000650000}}, [1, 9007199254740991]]}}
limits: {{cpu: null}}
braces: "{{{{ .Values.x }}}} ${{HOME}} $(x) %s {{{{`x`}}}}"
"""
"""The same with large integers, a null for a chart's default, and text that deployers might take for their own."""
