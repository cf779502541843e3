"""The deployer helm: folders that Helm installs one release each, and the scripts around them."""
