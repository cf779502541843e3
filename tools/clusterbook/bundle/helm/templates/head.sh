# shellcheck shell=bash disable=SC2034 # the scripts that source it use what it sets
# Part of deploy.sh and undeploy.sh: how they run, who they are, and the releases and kinds that they are about.

set -euo pipefail
set -f # no word is ever a pattern: what is installed is listed below, and nothing else is
unset CDPATH
me="$(basename "${BASH_SOURCE[0]}")"
newline='
'
: "${KUBECONFIG_FLAG:=}" "${HELM_DEBUG_FLAG:=}" "${DRY_RUN_FLAG:=}" "${KUBE_CONTEXT:=}"

@RELEASES@

@KINDS@
