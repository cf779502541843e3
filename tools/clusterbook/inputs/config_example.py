"""An example of a configuration file, for whoever writes the first one: what `clusterbook config example` prints."""

EXAMPLE = """\
apiVersion: clusterbook.dev/v1alpha1
kind: ClusterbookConfig
spec:
  recipe:                      # what recipe, query, explain and list are asked
    criteria: {service: eks, accelerator: h100, intent: training, os: ubuntu}
    output: {path: recipe.yaml}
  bundle:
    output: {target: bundle}
    deployment:
      deployer: helm
      set:
        - gpu-operator:driver.version=580.126.20
    scheduling:
      systemNodeSelector: {role: system}
      storageClass: gp3
  verify:
    minTrustLevel: unverified  # for a bundle that you rendered yourself; leave it out for published ones
  validate:
    input: {recipe: recipe.yaml, snapshot: cluster.yaml}
    execution: {phases: [readiness, deployment], noCluster: true}
  diff:
    ignore: ["components.*.values"]
    exitCode: true             # 10 when the cluster has drifted
"""
