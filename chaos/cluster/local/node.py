"""A node: containerd, kubelet and kube-proxy on a machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from chaos.cluster.local.files import write_json, write_kubeconfig, write_pair, write_private
from chaos.cluster.local.layout import DNS_SERVICE, INSIDE, PODS, NodePlan
from chaos.cluster.local.machine import KUBE, Machine
from chaos.cluster.local.pki import Authority

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
_ETC = INSIDE / "machine" / "etc"
_CNI_PLUGINS = "/usr/lib/cni"
_SNAPSHOTTER = "io.containerd.snapshotter.v1.overlayfs"
_BOLT_FILES = ("metadata.db", "meta.db")

_CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# The opt plugin would make /opt/containerd on the host; the others are never used.
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.native",
]
[grpc]
address = "{socket}"
[ttrpc]
address = "{socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = {restrict_oom}
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{etc}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


@dataclass(frozen=True)
class Node:
    """One node of the cluster on its machine. `restrict_oom`: this host does not let a process lower its OOM score."""

    plan: NodePlan
    machine: Machine
    pause_image: str
    restrict_oom: bool

    def prepare(self, authority: Authority, template: Path) -> None:
        """Write the node's files. Its containerd starts with the images of the template."""
        folder = self.machine.folder
        copy_images(template, folder / "lib" / "containerd")
        etc = folder / "etc"
        write_private(etc / "containerd.toml", self._containerd().encode())
        write_json(etc / "cni" / "10-pods.conflist", cni(self.plan))
        write_private(etc / "resolv.conf", b"nameserver 127.0.0.1\n")
        write_private(etc / "ca.crt", authority.certificate)
        write_pair(etc / "kubelet", authority.server(self.plan.name, [self.plan.name], [self.plan.address]))
        write_json(etc / "kubelet.json", kubelet_configuration(self.plan, self.machine.group, self.restrict_oom))
        for unit, user, groups in (
            ("kubelet", f"system:node:{self.plan.name}", ["system:nodes"]),
            ("kube-proxy", "system:kube-proxy", []),
        ):
            pair = authority.client(user, groups)
            write_kubeconfig(etc / f"{unit}.kubeconfig", authority, pair, cluster="hachaos", user=user)

    def start_containerd(self) -> None:
        self.machine.spawn("containerd", ["containerd", "--config", _ETC / "containerd.toml", "--log-level", "warn"])

    def start_kubelet(self) -> None:
        self.machine.spawn(
            "kubelet",
            [
                KUBE,
                "kubelet",
                f"--config={_ETC}/kubelet.json",
                f"--kubeconfig={_ETC}/kubelet.kubeconfig",
                f"--hostname-override={self.plan.name}",
                f"--node-ip={self.plan.address}",
                f"--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone=zone-{self.plan.index}",
                "--root-dir=/var/lib/kubelet",
                "--v=1",
            ],
        )

    def start_proxy(self) -> None:
        start_proxy(self.machine, self.plan.name)

    def _containerd(self) -> str:
        return _CONTAINERD.format(
            socket=CONTAINERD_SOCKET,
            pause=self.pause_image,
            restrict_oom="true" if self.restrict_oom else "false",
            plugins=_CNI_PLUGINS,
            etc=_ETC,
        )


def start_proxy(machine: Machine, name: str) -> None:
    """Start kube-proxy with the machine's `kube-proxy.kubeconfig`."""
    machine.spawn(
        "kube-proxy",
        [
            KUBE,
            "kube-proxy",
            f"--kubeconfig={_ETC}/kube-proxy.kubeconfig",
            f"--hostname-override={name}",
            "--proxy-mode=iptables",
            f"--cluster-cidr={PODS}",
            # Zero leaves these sysctls alone: they belong to the host.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            "--oom-score-adj=0",
            "--v=1",
        ],
    )


def cni(plan: NodePlan) -> dict[str, object]:
    """The network of a node's pods: a bridge, and addresses from the node's own range."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": str(plan.pods)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet_configuration(plan: NodePlan, group: str, restrict_oom: bool) -> dict[str, object]:
    """The KubeletConfiguration of a node whose pods' cgroups go below `group`."""
    configuration: dict[str, object] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": str(plan.address),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{_ETC}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{_ETC}/kubelet.crt",
        "tlsPrivateKeyFile": f"{_ETC}/kubelet.key",
        "cgroupDriver": "cgroupfs",
        # Without a root of its own each kubelet would remove the pods of the others.
        "cgroupRoot": f"/{group}",
        "failCgroupV1": False,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "clusterDNS": [str(DNS_SERVICE)],
        "clusterDomain": "cluster.local",
        "resolvConf": f"{_ETC}/resolv.conf",
        "failSwapOn": False,
        # Checked, never set: the machine shows kubelet the values that it wants.
        "protectKernelDefaults": True,
        # The default lies in /usr/libexec of the host, and kubelet would make it.
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "localStorageCapacityIsolation": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "containerLogMaxSize": "5Mi",
        "containerLogMaxFiles": 2,
        "serializeImagePulls": False,
        "maxPods": 110,
        # Conditions are looked at often but reported only when they change; the lease says that the node lives.
        "nodeStatusUpdateFrequency": "2s",
        "nodeStatusReportFrequency": "1m0s",
        "nodeLeaseDurationSeconds": 8,
        "syncFrequency": "10s",
    }
    if restrict_oom:
        configuration["oomScoreAdj"] = 0
    return configuration


def copy_images(template: Path, root: Path) -> None:
    """Make a containerd root at `root` that has the images of `template`, in no time and with no room.

    Layers are left out: the machine binds them in. Blobs are hard links where the file system allows. The two bolt
    files, which containerd writes, are copied.
    """
    layers = template / _SNAPSHOTTER / "snapshots"

    def ignore(folder: str, names: list[str]) -> list[str]:
        return names if Path(folder) == layers else []

    def copy(source: str, target: str) -> None:
        if Path(source).name not in _BOLT_FILES:
            try:
                os.link(source, target)
            except OSError:
                pass
            else:
                return
        shutil.copy2(source, target)

    shutil.copytree(template, root, copy_function=copy, ignore=ignore, symlinks=True)
