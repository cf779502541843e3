# shellcheck shell=bash disable=SC2034,SC2154 # the scripts that source it set and use what it does not
# Part of deploy.sh and undeploy.sh, behind common.sh: webhooks and kinds; kubectl's own templates do what jq would.

# shellcheck disable=SC2016 # kubectl's variables, here and below
template_of_webhooks='
{{- range .items}}
  {{- $kind := .kind}}{{$name := .metadata.name}}
  {{- range .webhooks}}
    {{- $policy := .failurePolicy}}
    {{- with .clientConfig.service}}
      {{- $kind}} {{$name}} {{$policy}} {{.namespace}}/{{.name}}{{"\n"}}
    {{- end}}
  {{- end}}
{{- end}}'
template_of_services='
{{- range .items}}
  {{- .metadata.namespace}}/{{.metadata.name}}{{"\n"}}
{{- end}}'
template_of_kinds='
{{- range .items}}
  {{- .metadata.name}} {{.spec.group}}
  {{- with .metadata.annotations}} {{index . "meta.helm.sh/release-name"}}{{end}}{{"\n"}}
{{- end}}'

# Every webhook that asks a service which is not there: kind, name, failure policy, namespace/service.
unanswered_webhooks() {
    local hooks services kind name policy service
    hooks="$(kube get validatingwebhookconfigurations,mutatingwebhookconfigurations \
        --output "go-template=$template_of_webhooks" 2>/dev/null)" || return 1
    services="$(kube get services --all-namespaces \
        --output "go-template=$template_of_services" 2>/dev/null)" || return 1
    while read -r kind name policy service; do
        case "$newline$services$newline" in
            *"$newline$service$newline"*) ;;
            *) printf '%s %s %s %s\n' "$kind" "$name" "$policy" "$service" ;;
        esac
    done <<<"$hooks" | sort -u
}
