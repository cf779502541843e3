"""The deployers argocd and argocd-helm: Applications in a directory, or in a chart."""
