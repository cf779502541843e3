"""Evidence: a judgement that anybody can repeat, signed by whoever saw the cluster."""
