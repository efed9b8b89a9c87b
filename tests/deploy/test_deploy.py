"""What places a server and its workers names only what they know, and holds together.

No container runtime is needed: images are not built here, and nothing is started.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from tests.acceptance import toolchains

from enginehouse.api.metrics.numbers import NUMBERS
from enginehouse.cli.main import enginehouse

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/enginehouse"
UNIT = ROOT / "deploy/enginehouse.service"
SCALING = yaml.safe_load((CHART / "values.yaml").read_text())["workers"][0]["scaling"]
_VARIABLE = re.compile(r"\b(?:ENGINEHOUSE|AIWARE)_[A-Z_]+\b")
_OF_COMPOSE = {"ENGINEHOUSE_INIT_TOKEN"}  # in the file .env, for AIWARE_INIT_TOKEN


def _options(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Yields every option of the command line, with the words of its command."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield path, parameter
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _options(inner, (*path, name))


def _names(option: click.Option) -> tuple[str, ...]:
    """Returns the variables of an option, which may have several."""
    return (option.envvar,) if isinstance(option.envvar, str) else tuple(option.envvar or ())


def _variables(*path: str) -> set[str]:
    return {name for words, option in _options(enginehouse) if words == path for name in _names(option)}


def _flags(*path: str) -> set[str]:
    return {flag for words, option in _options(enginehouse) if words == path for flag in option.opts}


@pytest.mark.parametrize("file", [ROOT / "Dockerfile", ROOT / "compose.yaml", UNIT, *CHART.rglob("*.yaml")], ids=str)
def test_every_variable_is_one_of_a_command(file: Path) -> None:
    known = {name for _, option in _options(enginehouse) for name in _names(option)} | _OF_COMPOSE
    assert set(_VARIABLE.findall(file.read_text())) <= known


def test_compose_starts_commands_that_exist_and_waits_for_services_that_exist() -> None:
    document = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = document["services"]
    assert set(services) == {"server", "worker-token", "worker", "database", "objects"}
    serve, *flags = services["server"]["command"]
    assert serve == "serve"
    assert {flag for flag in flags if flag.startswith("--")} <= _flags("serve")
    assert set(services["server"]["environment"]) <= _variables("serve") | {
        "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
    }  # fmt: skip
    assert set(services["worker"]["environment"]) <= _variables("worker", "run")
    assert services["worker"]["deploy"]["replicas"] == 2
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for place in service.get("volumes", []):
            assert place.split(":")[0] in document["volumes"]


@pytest.mark.parametrize(
    ("values", "workers"),
    [
        ({}, ["cpu"]),
        ({"workers": []}, []),
        (
            {
                "server": {"trustedProxies": ["10.0.0.0/8"], "env": {"ENGINEHOUSE_RETENTION_DAYS": 7},
                           "ingress": {"enabled": True, "tlsSecretName": "tls", "annotations": {"a": "b"}}},
                "artifacts": {"endpointUrl": "http://objects:8333"},
                "imagePullSecrets": [{"name": "registry"}],
                "prometheus": {"serviceMonitor": True, "labels": {"release": "here"}},
                "workers": [
                    {"name": "cpu", "scaling": {**SCALING, "enabled": True}},
                    {"name": "gpu", "nodeSelector": {"gpu": "yes"}, "tolerations": [{"key": "gpu"}],
                     "resources": {"limits": {"nvidia.com/gpu": 1}}},
                ],
            },
            ["cpu", "gpu"],
        ),
        ({"workers": [], "ray": {"enabled": True}}, ["ray"]),
        (
            {
                "ray": {
                    "enabled": True, "autoscaling": True, "worker": {"env": {"ENGINEHOUSE_CACHE_MB": 9}},
                    "groups": [{"name": "gpu", "nodeSelector": {"gpu": "yes"}, "tolerations": [{"key": "gpu"}],
                                "rayStartParams": {"resources": '"{\\"speech\\": 1}"'}},
                               {"name": "cpu", "maxReplicas": 9}],
                },
            },
            ["cpu", "ray"],
        ),
    ],
    ids=["defaults", "servers alone", "everything", "ray", "ray that grows"],
)  # fmt: skip
def test_the_chart_renders_to_objects_that_fit_together(
    values: dict[str, Any], workers: list[str], tmp_path: Path
) -> None:
    objects = _rendered(values, tmp_path)
    by_kind: dict[str, dict[str, Any]] = {}
    for found in objects:
        by_kind.setdefault(found["kind"], {})[found["metadata"]["name"]] = found
    deployments = by_kind["Deployment"]
    assert set(deployments) == {"here-server"} | {f"here-worker-{name}" for name in workers}
    for deployment in deployments.values():
        spec = deployment["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        [container] = spec["template"]["spec"]["containers"]
        path = tuple(container["args"]) if "args" in container else ("worker", "run")
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names))
        assert {name for name in names if not name.startswith(("AWS_", "RAY_"))} <= _variables(*path)
        assert all(isinstance(variable.get("value", ""), str) for variable in container["env"])
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
        assert container["securityContext"]["runAsNonRoot"] is True
    labels = deployments["here-server"]["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Service"]["here"]["spec"]["selector"].items() <= labels.items()
    for other in (*workers,):
        assert not (
            by_kind["Service"]["here"]["spec"]["selector"].items()
            <= deployments[f"here-worker-{other}"]["spec"]["template"]["metadata"]["labels"].items()
        )
    assert ("Ingress" in by_kind) == bool(values.get("server", {}).get("ingress"))
    scaled = {one["name"] for one in values.get("workers", []) if one.get("scaling")}
    assert _scaled(by_kind.get("ScaledObject", {}).values()) == {f"here-worker-{name}" for name in scaled}
    for name, deployment in deployments.items():
        assert ("replicas" in deployment["spec"]) == (name.removeprefix("here-worker-") not in scaled), name
    assert ("ServiceMonitor" in by_kind) == bool(values.get("prometheus"))
    for monitor in by_kind.get("ServiceMonitor", {}).values():
        assert monitor["metadata"]["labels"]["release"] == "here"
        assert (
            monitor["spec"]["selector"]["matchLabels"].items()
            <= by_kind["Service"]["here"]["metadata"]["labels"].items()
        )


def _scaled(objects: Iterable[dict[str, Any]]) -> set[str]:
    """Returns which Deployments are scaled. What they are scaled by exists, with its labels."""
    known = {f"enginehouse_{number.name}": set(number.labels) for number in NUMBERS}
    for found in objects:
        [trigger] = found["spec"]["triggers"]
        query = trigger["metadata"]["query"]
        named = re.findall(r"(enginehouse_\w+)\{(.*?)\}", query)
        assert [name for name, _ in named] == ["enginehouse_runnable_items", "enginehouse_running_items"]
        [grouped] = set(re.findall(r"by \((.*?)\)", query))
        for name, filters in named:
            assert {label.strip() for label in grouped.split(",")} == known[name]
            assert set(re.findall(r"(\w+)=~?\"", filters)) <= known[name]
    return {found["spec"]["scaleTargetRef"]["name"] for found in objects}


def test_every_node_of_the_ray_cluster_has_its_token(tmp_path: Path) -> None:
    objects = _rendered({"ray": {"enabled": True, "autoscaling": True}}, tmp_path)
    [cluster] = [found["spec"] for found in objects if found["kind"] == "RayCluster"]
    [worker] = [found["spec"] for found in objects if found["metadata"]["name"] == "here-worker-ray"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"], worker]
    containers = [container for group in groups for container in group["template"]["spec"]["containers"]]
    assert len(containers) == 3
    token = {"secretKeyRef": {"name": "enginehouse", "key": "ray-token"}}
    for container in (*containers, cluster["autoscalerOptions"]):
        given = {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}
        assert (given["RAY_AUTH_MODE"], given["RAY_AUTH_TOKEN"]) == ("token", token)
    for container in containers:
        given = {one["name"]: one.get("value") for one in container["env"]}
        assert given["RAY_kill_child_processes_on_worker_exit"] == "0"
        assert container["securityContext"]["runAsNonRoot"] is True
    assert given["ENGINEHOUSE_RAY_ADDRESS"] == "here-ray-head-svc:6379"
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0", "the head runs no engine"
    assert cluster["rayVersion"] == _locked("ray")


def _locked(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", (ROOT / "requirements/ray.txt").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _rendered(values: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Returns the objects of the chart with these values, by helm where it is installed."""
    file = folder / "values.json"
    file.write_text(json.dumps(_merged(yaml.safe_load((CHART / "values.yaml").read_text()), values)))
    helm = shutil.which("helm")
    if helm is not None:
        subprocess.run([helm, "lint", "--strict", "-f", str(file), str(CHART)], check=True, capture_output=True)
        command = [helm, "template", "here", str(CHART), "-f", str(file)]
    else:
        go = toolchains.program("go", "golang-go")
        command = [str(go), "run", str(Path(__file__).with_name("render.go")), str(CHART), str(file), "here"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert ended.returncode == 0, ended.stderr
    return [found for found in yaml.safe_load_all(ended.stdout) if found]


def _merged(given: Any, more: Any) -> Any:
    """Returns the values as helm merges them. A worker without a field has that of the first default worker."""
    if isinstance(given, dict) and isinstance(more, dict):
        return given | {name: _merged(given.get(name), value) for name, value in more.items()}
    if isinstance(given, list) and isinstance(more, list):
        return [
            given[0] | one if given and isinstance(one, dict) and isinstance(given[0], dict) else one for one in more
        ]
    return more


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    verify = toolchains.program("systemd-analyze", "systemd")
    program = tmp_path / "enginehouse"
    program.touch(mode=0o755)
    unit = tmp_path / "enginehouse.service"
    unit.write_text(UNIT.read_text().replace("/opt/enginehouse/bin/enginehouse", str(program)))
    ended = subprocess.run([verify, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = toolchains.installed("hadolint") / "bin/hadolint"
    # DL3008: packages of Debian have no version, because old ones leave its archive.
    ended = subprocess.run(
        [str(hadolint), "--ignore", "DL3008", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
