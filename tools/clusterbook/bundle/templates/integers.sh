#!/usr/bin/env bash
# What is said twice: a number of the bundle that a file of values says, too. The file would change nothing.

refuse_twice() { # FILE INTEGERS: Helm is given these numbers one by one, which counts more than a file
    local aside said
    aside="$(mktemp -d)"
    mkdir "$aside/templates"
    printf 'apiVersion: v2\nname: twice\nversion: 0.1.0\n' >"$aside/Chart.yaml"
    cat >"$aside/templates/twice.yaml" <<'END'
{{- range $integer := .Values.integers }}
{{- $at := $.Values.file | fromYaml }}{{ $there := true }}{{ $walking := true }}
{{- range $step := $integer.path }}
{{- if $walking }}
{{- if not (kindIs "map" $at) }}{{ $walking = false }}
{{- else if hasKey $at (toString $step) }}{{ $at = get $at (toString $step) }}
{{- else }}{{ $walking = false }}{{ $there = false }}{{ end }}
{{- end }}
{{- end }}
{{- if $there }}
{{ $integer.set | quote }}: said
{{- end }}
{{- end }}
END
    said="$(helm template twice "$aside" --set-file "file=$1" --set-json "integers=$2" </dev/null |
        sed -n 's/^"\(.*\)": said$/\1/p')"
    rm -rf "$aside"
    if [ -n "$said" ]; then
        echo "error: $1 changes ${said//$'\n'/, }, which this bundle passes to Helm itself, so the file would have no effect" >&2
        echo "  hint: make the bundle again, with --set for another number, or with --dynamic to set it here" >&2
        exit 1
    fi
}
