{{/* What is rendered: the parent, the children, or one part. */}}
{{- define "stack.shows" -}}
{{- if not .Values.part }}{{ if .Values.repoURL }}parent{{ else }}children{{ end }}
{{- else if eq .Values.part "@APPLICATIONS@" }}children{{ else }}part{{ end }}
{{- end }}

{{/* The name of the parent Application. */}}
{{- define "stack.parent" -}}
{{- .Values.appName | default (printf "%s@PARENT@" .Values.deployer.namePrefix) }}
{{- end }}

{{/* The name of the Application of a release, given as: list $ release. */}}
{{- define "stack.name" -}}
{{- $top := index . 0 }}
{{- $name := printf "%s%s" $top.Values.deployer.namePrefix (index . 1) }}
{{- if gt (len $name) @LONGEST@ }}
{{- fail (printf "the Application %s is longer than @LONGEST@ characters: shorten deployer.namePrefix" $name) }}
{{- end }}
{{- if eq $name (include "stack.parent" $top) }}
{{- fail (printf "the parent Application and that of a release are both called %s: choose another appName" $name) }}
{{- end }}
{{- $name | quote }}
{{- end }}

{{/* Whether this chart lies in an OCI registry: "true" or nothing. */}}
{{- define "stack.registry" -}}
{{- if hasPrefix "oci://" .Values.repoURL }}true{{ end }}
{{- end }}

{{/* Where Argo CD finds this chart, or a directory beside it in a Git repository, given as: list $ directory. */}}
{{- define "stack.source" -}}
{{- $top := index . 0 }}
{{- $url := $top.Values.repoURL | trimSuffix "/" }}
{{- if not $url }}
{{- fail "repoURL is not set, and Argo CD has to read manifests of this chart: --set repoURL=https://… or oci://…" }}
{{- end }}
{{- if include "stack.registry" $top }}
chart: {{ $top.Chart.Name }}
repoURL: {{ $url | trimPrefix "oci://" | trimSuffix (printf "/%s" $top.Chart.Name) | quote }}
targetRevision: {{ $top.Values.targetRevision | default $top.Chart.Version | quote }}
{{- else }}
path: {{ index . 1 | quote }}
repoURL: {{ $url | quote }}
targetRevision: {{ $top.Values.targetRevision | default "HEAD" | quote }}
{{- end }}
{{- end }}

{{/* The large integers of values, which Helm would read as floats from where Argo CD keeps values, as parameters, by which
it reads integers. Given as: list values path. */}}
{{- define "stack.integers" -}}
{{- $value := index . 0 }}{{ $path := index . 1 }}
{{- if kindIs "map" $value }}
{{- range $key, $inner := $value }}
{{- if and (ne $key "") (not (contains "\n" $key)) }}
{{- $step := regexReplaceAll `[\\.,=\[\]]` $key `\${0}` }}
{{- include "stack.integers" (list $inner (ternary $step (printf "%s.%s" $path $step) (eq $path ""))) }}
{{- end }}
{{- end }}
{{- else if kindIs "slice" $value }}
{{- range $number, $inner := $value }}{{ include "stack.integers" (list $inner (printf "%s[%d]" $path $number)) }}{{ end }}
{{- else if and (or (kindIs "int64" $value) (kindIs "int" $value)) (or (ge (int64 $value) 1000000) (le (int64 $value) -1000000)) }}
- name: {{ $path | quote }}
  value: {{ int64 $value | toString | quote }}
{{- else if kindIs "float64" $value }}
{{- $number := $value }}
{{- if and (eq $number (floor $number)) (or (ge $number 1e6) (le $number -1e6)) }}
{{- if and (lt $number 9007199254740992.0) (gt $number -9007199254740992.0) }}
- name: {{ $path | quote }}
  value: {{ printf "%.0f" $number | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
