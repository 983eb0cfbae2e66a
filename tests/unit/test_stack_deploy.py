"""Deployment: fresh, resumed after a kill, refused where it would destroy, and what it says when pods don't come."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, cast

import pytest
from fake_api import FakeApi, pod

from chaos.cluster.api import Api
from chaos.cluster.target import Target
from chaos.errors import StackError
from chaos.progress import NoProgress
from chaos.stack import deploy, deploy_published, install, install_published, rollout, verify, verify_published
from chaos.stack.profile import Profile
from chaos.stack.stack import Article, Picture, Seed, unready

Object = dict[str, Any]

ARTICLE = Article(1, "title", "text", "/?p=1")
SEED = Seed("hachaos 1", (ARTICLE,), ARTICLE, Picture(2, "/p.png", "0" * 64))
DATABASE_VOLUME: Object = {"kind": "PersistentVolumeClaim", "metadata": {"name": "d-0", "labels": {"app": "mysql"}}}


class ReadyApi(FakeApi):
    """Gives every workload its pods, ready at once, unless its name is in `stuck`."""

    def __init__(self, *objects: Object, stuck: tuple[str, ...] = ()) -> None:
        self.stuck = stuck
        super().__init__(*objects)

    def apply(self, manifest: Object) -> Object:
        if manifest["kind"] in ("StatefulSet", "Deployment"):
            name = manifest["metadata"]["name"]
            manifest = manifest | {"metadata": manifest["metadata"] | {"generation": 1}}
            manifest["status"] = {"observedGeneration": 1}
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            for ordinal in range(manifest["spec"]["replicas"]):
                self._put(pod(f"{name}-{ordinal}", labels, ready=name not in self.stuck))
        return super().apply(manifest)

    def patch(self, kind: str, name: str, body: Object, *, subresource: str = "") -> Object:
        patched = super().patch(kind, name, body)
        return self.apply(patched) if subresource == "scale" else patched

    def bootstraps(self) -> list[str]:
        return [item["data"]["BOOTSTRAP"] for item in self.applied if item["metadata"]["name"] == "mysql"]

    @property
    def applied(self) -> list[Object]:
        return [item for item in self.history if item["kind"] == "ConfigMap" and "BOOTSTRAP" in item.get("data", {})]

    def _put(self, item: Object) -> Object:
        self.history = [*getattr(self, "history", []), item]
        return super()._put(item)


@pytest.fixture(autouse=True)
def _no_wordpress(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(api: FakeApi, *_: object, **__: object) -> Seed:
        import json

        config = {"kind": "ConfigMap", "metadata": {"name": install.SEED_CONFIG_MAP}}
        api.apply(config | {"data": {"seed": json.dumps(SEED.to_json())}})
        return SEED

    monkeypatch.setattr(install, "install", installed)
    monkeypatch.setattr(install_published, "install", lambda *_: (SEED, ["it was odd"]))
    monkeypatch.setattr(install_published, "look", lambda _: ["mysql-1 does not replicate"])
    monkeypatch.setattr(install, "make_ledger", lambda *_: None)
    monkeypatch.setattr(deploy_published, "connect", lambda *_: nullcontext())
    monkeypatch.setattr(deploy_published, "closing", lambda it: it)
    monkeypatch.setattr(deploy_published, "run", lambda *_: ())
    monkeypatch.setattr(deploy_published, "_await_serving", lambda *_: None)
    monkeypatch.setattr(verify_published, "problems", lambda _: [])
    monkeypatch.setattr(verify, "verify", lambda *_: None)
    monkeypatch.setattr(verify, "problems", lambda _: [])
    monkeypatch.setattr(rollout, "_READY_TIMEOUT_S", 0.0)
    monkeypatch.setattr(rollout, "_GONE_TIMEOUT_S", 5.0)
    monkeypatch.setattr(rollout, "_LOOK_EVERY_S", 0.001)


def ensure(api: FakeApi, profile: Profile | None = None, *, local: bool = True) -> Seed:
    target = Target("local/x" if local else "theirs", local=local, nodes=1, api=cast("Api", api), versions={})
    return deploy.ensure(target, profile or Profile.load("hardened"), NoProgress()).seed


def test_a_fresh_stack_may_start_an_empty_database_until_it_is_up_and_never_after() -> None:
    api = ReadyApi()
    ensure(api)
    assert api.bootstraps() == ["yes", "no"]
    ensure(api)
    assert set(api.bootstraps()[1:]) == {"no"}


def test_a_deployment_that_was_killed_in_its_bootstrap_goes_on_with_it() -> None:
    api = ReadyApi(stuck=("mysql",))
    with pytest.raises(StackError, match="mysql-0"):
        ensure(api)
    assert api.bootstraps() == ["yes"]
    api.stuck = ()
    ensure(api)
    assert api.bootstraps() == ["yes", "yes", "no"]


def test_volumes_without_the_settings_never_lead_to_an_empty_database() -> None:
    api = ReadyApi()
    ensure(api)
    api.delete("ConfigMap", "mysql")
    api.history.clear()
    api._put(DATABASE_VOLUME)
    ensure(api, changed(Profile.load("hardened")))
    assert set(api.bootstraps()) == {"no"}


def test_a_sound_stack_is_used_as_it_is() -> None:
    api = ReadyApi()
    ensure(api)
    api.calls.clear()
    assert ensure(api) == SEED
    assert api.calls == []


def test_a_stack_of_other_manifests_is_brought_to_these() -> None:
    api = ReadyApi()
    ensure(api)
    api.calls.clear()
    ensure(api, changed(Profile.load("hardened")))
    assert ("apply", "Deployment", "wordpress") in api.calls


def test_a_stack_that_was_scaled_down_is_brought_back() -> None:
    api = ReadyApi()
    ensure(api)
    workload = api.get("Deployment", "wordpress") or {}
    api._put(workload | {"spec": workload["spec"] | {"replicas": 1}})
    ensure(api)
    assert (api.get("Deployment", "wordpress") or {})["spec"]["replicas"] == 3


def test_secrets_survive_every_later_deployment() -> None:
    api = ReadyApi()
    ensure(api)
    before = api.secret("mysql"), api.secret("wordpress")
    ensure(api, changed(Profile.load("hardened")))
    assert (api.secret("mysql"), api.secret("wordpress")) == before


def test_volumes_whose_secret_is_gone_are_refused_before_a_new_one_is_made() -> None:
    api = ReadyApi(DATABASE_VOLUME)
    with pytest.raises(StackError, match="not the Secret `mysql`"):
        ensure(api)
    assert api.get("Secret", "mysql") is None


def test_a_namespace_that_is_not_ours_is_left_alone() -> None:
    api = ReadyApi({"kind": "Namespace", "metadata": {"name": "wordpress"}})
    with pytest.raises(StackError, match="not hachaos's"):
        ensure(api)
    target = Target("other", local=False, nodes=1, api=cast("Api", api), versions={})
    with pytest.raises(StackError, match="left alone"):
        deploy.remove(target, Profile.load("hardened"), NoProgress())
    assert api.calls == []


def test_the_volume_of_the_uploads_gets_the_address_of_the_nfs_service() -> None:
    api = ReadyApi()
    ensure(api)
    volume = api.get("PersistentVolume", "wordpress-uploads") or {}
    assert volume["spec"]["nfs"]["server"] == "10.96.0.7"


def test_an_nfs_service_that_was_deleted_gets_the_address_that_the_volume_has() -> None:
    api = ReadyApi()
    ensure(api)
    volume = api.get("PersistentVolume", "wordpress-uploads") or {}
    volume["spec"]["nfs"]["server"] = "10.96.0.99"
    api._put(volume)
    api.delete("Service", "nfs-server")
    ensure(api, changed(Profile.load("hardened")))
    assert (api.get("Service", "nfs-server") or {})["spec"]["clusterIP"] == "10.96.0.99"


def test_a_storage_class_that_is_there_is_used_as_it_is() -> None:
    theirs = {"kind": "StorageClass", "metadata": {"name": "slow"}, "provisioner": "theirs"}
    api = ReadyApi(theirs)
    ensure(api)
    assert (api.get("StorageClass", "slow") or {})["provisioner"] == "theirs"


def test_another_cluster_must_have_the_storage_class() -> None:
    with pytest.raises(StackError, match="StorageClass slow: nobody knows"):
        ensure(ReadyApi(), local=False)
    theirs = {"kind": "StorageClass", "metadata": {"name": "slow"}, "provisioner": "theirs"}
    assert ensure(ReadyApi(theirs), local=False) == SEED


def test_the_site_is_started_only_when_its_files_can_be_mounted() -> None:
    api = ReadyApi(stuck=("nfs",))
    with pytest.raises(StackError, match="nfs-0"):
        ensure(api)
    assert api.get("Deployment", "wordpress") is None


def test_pods_that_do_not_come_are_quoted() -> None:
    stuck = pod("mysql-0", {"app": "mysql"}, ready=False)
    waiting = {"name": "mysql", "ready": False, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    stuck["status"]["containerStatuses"] = [waiting]
    event: Object = {"reason": "BackOff", "message": "Back-off restarting", "type": "Warning"}
    event |= {"kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"name": "mysql-0"}}
    api = FakeApi(stuck, event)
    said = rollout.pods_say(cast("Api", api), Profile.load("hardened").controller("database"))
    assert said.splitlines() == [
        "  mysql-0: Running on node-1",
        "    mysql: waiting CrashLoopBackOff, 4 restarts",
        "      the last words of mysql",
        "    BackOff: Back-off restarting",
    ]


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([], "0/2 ready"),
        ([pod("nfs-0", {"app": "nfs"})], "1/2 ready"),
        ([pod("nfs-0", {"app": "nfs"}), pod("nfs-1", {"app": "nfs"}, ready=False)], "1/2 ready, not: nfs-1"),
        ([pod("nfs-0", {"app": "nfs"}), pod("nfs-1", {"app": "nfs"}, ending=True)], "1/2 ready, not: nfs-1 (ending)"),
        ([pod("nfs-0", {"app": "nfs"}), pod("nfs-1", {"app": "nfs"})], ""),
    ],
)
def test_a_part_is_ready_when_all_its_pods_are_and_none_is_ending(pods: list[Object], said: str) -> None:
    workload: Object = {"kind": "StatefulSet", "metadata": {"name": "nfs", "generation": 2}, "spec": {"replicas": 2}}
    workload["status"] = {"observedGeneration": 2}
    api = cast("Api", FakeApi(workload, *pods))
    assert unready(api, Profile.load("hardened").binding, "files") == said


def test_a_pod_that_was_evicted_does_not_count() -> None:
    workload: Object = {"kind": "StatefulSet", "metadata": {"name": "nfs", "generation": 1}, "spec": {"replicas": 1}}
    workload["status"] = {"observedGeneration": 1}
    evicted = pod("nfs-old", {"app": "nfs"}, ready=False)
    evicted["status"]["phase"] = "Failed"
    api = cast("Api", FakeApi(workload, pod("nfs-0", {"app": "nfs"}), evicted))
    assert unready(api, Profile.load("hardened").binding, "files") == ""


def test_a_part_whose_controller_has_not_looked_yet_is_not_ready() -> None:
    workload: Object = {"kind": "StatefulSet", "metadata": {"name": "nfs", "generation": 2}, "spec": {"replicas": 1}}
    workload["status"] = {"observedGeneration": 1}
    api = cast("Api", FakeApi(workload, pod("nfs-0", {"app": "nfs"})))
    assert "not been acted on" in unready(api, Profile.load("hardened").binding, "files")


def test_removal_ends_the_files_after_all_that_use_them() -> None:
    api = ReadyApi()
    ensure(api)
    api.calls.clear()
    target = Target("local/x", local=True, nodes=1, api=cast("Api", api), versions={})
    assert deploy.remove(target, Profile.load("hardened"), NoProgress())
    order = [name for verb, kind, name in api.calls if verb == "delete" and kind == "Pod"]
    assert order[-1] == "nfs-0"
    assert api.get("Namespace", "wordpress") is None
    assert api.get("PersistentVolume", "wordpress-uploads") is None
    assert not deploy.remove(target, Profile.load("hardened"), NoProgress())


class Said(NoProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def ensure_published(api: FakeApi) -> list[str]:
    said = Said()
    target = Target("local/x", local=True, nodes=1, api=cast("Api", api), versions={})
    deploy.ensure(target, Profile.load("published"), said)
    return said.lines


def test_the_published_stack_is_deployed_in_the_tutorials_order_and_then_scaled() -> None:
    api = ReadyApi()
    ensure_published(api)
    workloads = [name for verb, kind, name in api.calls if verb == "apply" and kind in ("StatefulSet", "Deployment")]
    assert list(dict.fromkeys(workloads)) == ["mysql", "nfs-server", "wordpress"]
    assert (api.get("Deployment", "wordpress") or {})["spec"]["replicas"] == 3
    assert (api.get("PersistentVolume", "nfs") or {})["spec"]["nfs"]["server"] == "10.96.0.7"


def test_nothing_of_the_tutorials_is_applied_before_what_it_needs_is_ready() -> None:
    api = ReadyApi(stuck=("mysql",))
    with pytest.raises(StackError, match="mysql-0"):
        ensure_published(api)
    assert api.get("Deployment", "nfs-server") is None


def test_what_the_tutorials_order_does_is_said_and_kept() -> None:
    api = ReadyApi()
    lines = ensure_published(api)
    assert lines == [f"so the tutorial's order does it: {it}" for it in ("it was odd", "mysql-1 does not replicate")]
    assert install_published.notes_of(cast("Api", api)) == ["it was odd", "mysql-1 does not replicate"]


def test_a_sound_published_stack_is_used_as_it_is_though_it_does_not_replicate() -> None:
    api = ReadyApi()
    ensure_published(api)
    api.calls.clear()
    assert ensure_published(api) == []
    assert api.calls == []


def test_a_published_stack_that_is_not_sound_is_deployed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ReadyApi()
    ensure_published(api)
    before = api.secret("hachaos")
    monkeypatch.setattr(verify_published, "problems", lambda _: ["mysql-0 does not hold the site"])
    api.calls.clear()
    lines = ensure_published(api)
    assert "can't be mended" in lines[0]
    assert ("delete", "Namespace", "wordpress") in api.calls
    assert api.secret("hachaos") == before  # this server keeps what is in a namespace that ends


def test_the_stack_of_another_profile_is_removed_first_and_so_it_is_said() -> None:
    api = ReadyApi()
    ensure(api)
    lines = ensure_published(api)
    assert "has the stack hardened" in lines[0]
    assert ("delete", "PersistentVolume", "wordpress-uploads") in api.calls
    assert ("orphan", "StatefulSet", "nfs") in api.calls


def test_a_profile_is_not_attached_to_the_stack_of_another() -> None:
    api = ReadyApi()
    ensure_published(api)
    target = Target("local/x", local=True, nodes=1, api=cast("Api", api), versions={})
    with pytest.raises(StackError, match="no stack hardened"):
        deploy.attach(target, Profile.load("hardened"))


def test_a_volume_of_that_name_that_is_somebody_elses_is_left_alone() -> None:
    theirs: Object = {"kind": "PersistentVolume", "metadata": {"name": "nfs"}}
    api = ReadyApi(theirs | {"spec": {"claimRef": {"namespace": "theirs", "name": "x"}}})
    with pytest.raises(StackError, match="belongs to namespace theirs"):
        ensure_published(api)
    assert api.get("PersistentVolume", "nfs") is not None


def test_removal_lets_a_files_server_that_was_stopped_serve_again_so_that_its_clients_can_end() -> None:
    api = ReadyApi()
    ensure_published(api)
    api.patch("Deployment", "nfs-server", {"spec": {"replicas": 0}})
    api.calls.clear()
    target = Target("local/x", local=True, nodes=1, api=cast("Api", api), versions={})
    deploy.remove(target, Profile.load("published"), NoProgress())
    names = [(verb, name) for verb, kind, name in api.calls]
    assert names.index(("patch", "nfs-server")) < names.index(("orphan", "wordpress"))
    assert api.get("PersistentVolume", "nfs") is None


def changed(profile: Profile) -> Profile:
    """The same profile with one label more, as after an update of hachaos."""
    objects = tuple(item | {"metadata": item["metadata"] | {"annotations": {"v": "2"}}} for item in profile.objects)
    return replace(profile, objects=objects)
