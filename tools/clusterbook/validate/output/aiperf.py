"""AIPerf: how fast a model answered, by what AIPerf and its forerunner GenAI-Perf export.

Source: github.com/ai-dynamo/aiperf, profile_export_aiperf.json; reference row V42.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clusterbook.snapshot.model import Reading
from clusterbook.validate.output.trial import Outputs, Trial, failed, passed, unclear

_THROUGHPUT, _TTFT, _MODEL = "inference-throughput", "inference-ttft-p99", "inference-model"
_MILLISECONDS = {"ms": 1.0, "s": 1000.0, "sec": 1000.0, "us": 0.001, "ns": 0.000001}


def aiperf(outputs: Outputs) -> Trial:
    """Return throughput in tokens a second and the 99th percentile of the time to the first token in milliseconds."""
    text = "\n".join(outputs.values())
    start, end = text.find("{"), text.rfind("}")
    try:
        document = json.loads(text[start : end + 1])
    except ValueError:
        document = None
    if not isinstance(document, Mapping):
        return unclear("the output is not an AIPerf JSON export")
    records = _part(document, "records") or document
    throughput = _figure(records, "output_token_throughput", "avg")
    first = _figure(records, "time_to_first_token", "p99")
    if throughput is None or first is None:
        missing = "output_token_throughput.avg" if throughput is None else "time_to_first_token.p99"
        return unclear(f"the export has no {missing}")
    unit = str(_part(records, "time_to_first_token").get("unit") or "ms").lower()
    if unit not in _MILLISECONDS:
        return unclear(f"time_to_first_token is in '{unit}', which is not a unit of time")
    broken = _figure(records, "error_request_count", "avg") or 0.0
    if broken:
        return failed(f"{broken:g} requests failed")
    figures: dict[str, Reading] = {_THROUGHPUT: throughput, _TTFT: first * _MILLISECONDS[unit]}
    models = _part(_part(document, "input_config"), "endpoint").get("model_names")
    if isinstance(models, list) and len(models) == 1:
        figures[_MODEL] = str(models[0])
    load = _part(_part(document, "input_config"), "loadgen").get("concurrency")
    context = {"concurrency": load} if isinstance(load, int) and not isinstance(load, bool) else {}
    return passed(f"{throughput:g} tokens a second, first token within {figures[_TTFT]:g} ms", figures, **context)


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _figure(document: Mapping[str, Any], name: str, key: str) -> float | None:
    """Return one statistic, None where it is not there or no finite number."""
    value = _part(document, name).get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        return None
    return float(value)
