#!/usr/bin/env bash
# Large integers of a file of values, from which Helm reads them as floats: a chart would print 1.23456789012e+11.

file_integers() { # FILE: each of them as a word of --set, by which Helm reads integers
    local aside shown
    grep -Eq '[0-9][0-9_]{6}|0[xob][0-9a-fA-F]' "$1" || return 0
    aside="$(mktemp -d)"
    mkdir "$aside/templates"
    printf 'apiVersion: v2\nname: integers\nversion: 0.1.0\n' >"$aside/Chart.yaml"
    cat >"$aside/templates/integers.yaml" <<'END'
{{- define "integers" }}
{{- $value := index . 0 }}{{ $path := index . 1 }}
{{- if kindIs "map" $value }}
{{- range $key, $inner := $value }}
{{- if and (ne $key "") (not (contains "\n" $key)) }}
{{- $step := regexReplaceAll `[\\.,=\[\]]` $key `\${0}` }}
{{- include "integers" (list $inner (ternary $step (printf "%s.%s" $path $step) (eq $path ""))) }}
{{- end }}
{{- end }}
{{- else if kindIs "slice" $value }}
{{- range $number, $inner := $value }}{{ include "integers" (list $inner (printf "%s[%d]" $path $number)) }}{{ end }}
{{- else if or (kindIs "float64" $value) (kindIs "int64" $value) (kindIs "int" $value) }}
{{- $number := float64 $value }}
{{- if and (eq $number (floor $number)) (or (ge $number 1e6) (le $number -1e6)) }}
{{- $exact := and (lt $number 9007199254740992.0) (gt $number -9007199254740992.0) }}
  {{ ternary "set" "lost" $exact }} {{ $path }}={{ printf "%.0f" $number }}
{{- end }}
{{- end }}
{{- end }}
integers: |
{{- include "integers" (list (.Values.file | fromYaml) "") }}
END
    shown="$(helm template integers "$aside" --set-file "file=$1" </dev/null)"
    rm -rf "$aside"
    sed -n 's/^  set //p' <<<"$shown"
    shown="$(sed -n 's/^  lost \(.*\)=[^=]*$/\1/p' <<<"$shown")"
    if [ -n "$shown" ] && grep -Eq '[0-9_]{16}' "$1"; then
        echo "error: $1: ${shown//$'\n'/, }: no number of Helm is exact at this length" >&2
        echo "  hint: write it in quotes" >&2
        return 1
    fi
}
