"""The commands of `clusterbook-build`, a module a subject; `cli.build_main` has the table of them."""
