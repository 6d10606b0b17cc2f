#!/usr/bin/env bash
# Runs a definition as a job of a Ray cluster whose nodes have cluster-sim installed and see /shared/results.
# RAY_API_SERVER_ADDRESS is the cluster's dashboard, such as http://10.0.0.1:8265; needs `pip install 'cluster-sim[cluster]'`.
set -euo pipefail
workload=${1:-thousand_hosts}
ray job submit --submission-id "cluster-sim-$(date -u +%Y%m%dT%H%M%SZ)" -- \
  cluster-sim run "$workload" --address auto --results /shared/results --log-level info
