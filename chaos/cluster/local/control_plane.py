"""The control plane: etcd, the API server, the controllers and the scheduler, on a machine that runs no pods.

It has a machine of its own, as with a managed Kubernetes, so that every node can be lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from chaos.cluster.local.files import write_kubeconfig, write_pair, write_private
from chaos.cluster.local.layout import API_SERVICE, CONTROL_PLANE_ADDRESS, INSIDE, SERVICES, plan
from chaos.cluster.local.machine import KUBE, Machine
from chaos.cluster.local.node import start_proxy
from chaos.cluster.local.pki import Authority, SigningKey

KUBELET_CLIENT = "kube-apiserver-kubelet-client"
LOAD_BALANCER = "hachaos-load-balancer"

_ETC = INSIDE / "machine" / "etc"
_ETCD = "http://127.0.0.1:2379"
_LOOPBACK = "127.0.0.1"
_OVER_AND_OVER = ("sh", "-c", 'while :; do "$@"; sleep 1; done', "over-and-over")
_API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
)


@dataclass(frozen=True)
class ControlPlane:
    """The control plane on its machine."""

    machine: Machine

    def prepare(self, authority: Authority) -> None:
        """Write keys, certificates and kubeconfigs, the administrator's included."""
        folder, name = self.machine.folder, self.machine.places.name
        etc = folder / "etc"
        addresses = [API_SERVICE, CONTROL_PLANE_ADDRESS, IPv4Address(_LOOPBACK)]
        write_private(etc / "ca.crt", authority.certificate)
        write_pair(etc / "apiserver", authority.server("kube-apiserver", _API_NAMES, addresses))
        write_pair(etc / "kubelet-client", authority.client(KUBELET_CLIENT))
        signing = SigningKey.make()
        write_private(etc / "service-accounts.key", signing.private)
        write_private(etc / "service-accounts.pub", signing.public)
        for unit in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
            user = f"system:{unit}"
            pair = authority.client(user)
            write_kubeconfig(etc / f"{unit}.kubeconfig", authority, pair, cluster="hachaos", user=user)
        admin = authority.client("hachaos-admin", ["system:masters"])
        write_kubeconfig(self.machine.places.kubeconfig, authority, admin, cluster=name, user=f"{name}-admin")
        write_pair(etc / "admin", admin)
        write_pair(etc / "load-balancer", authority.client(LOAD_BALANCER))

    def start_etcd(self) -> None:
        """Start etcd, on the loopback of this machine's own namespace and without TLS.

        Nobody else can reach that loopback, and each request costs less so.
        """
        self._component(
            "etcd",
            "--name=hachaos",
            "--data-dir=/var/lib/etcd",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            # Survives the death of every process; only a crash of the host could lose the last writes.
            "--unsafe-no-fsync",
            "--auto-compaction-retention=10m",
            "--log-level=warn",
        )

    def start_api_server(self) -> None:
        self._component(
            "kube-apiserver",
            f"--etcd-servers={_ETCD}",
            f"--service-cluster-ip-range={SERVICES}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={CONTROL_PLANE_ADDRESS}",
            f"--tls-cert-file={_ETC}/apiserver.crt",
            f"--tls-private-key-file={_ETC}/apiserver.key",
            f"--client-ca-file={_ETC}/ca.crt",
            f"--kubelet-certificate-authority={_ETC}/ca.crt",
            f"--kubelet-client-certificate={_ETC}/kubelet-client.crt",
            f"--kubelet-client-key={_ETC}/kubelet-client.key",
            # Names of nodes do not resolve on the control plane's machine.
            "--kubelet-preferred-address-types=InternalIP",
            "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-account-key-file={_ETC}/service-accounts.pub",
            f"--service-account-signing-key-file={_ETC}/service-accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--allow-privileged",
            "--profiling=false",
            "--v=1",
        )

    def start_controllers(self) -> None:
        self._component(
            "kube-controller-manager",
            f"--kubeconfig={_ETC}/kube-controller-manager.kubeconfig",
            f"--service-account-private-key-file={_ETC}/service-accounts.key",
            f"--root-ca-file={_ETC}/ca.crt",
            "--use-service-account-credentials",
            # Dynamic volumes in one folder that every node sees: they behave as a network disk does.
            "--enable-hostpath-provisioner",
            "--flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins",
            "--leader-elect=false",
            "--secure-port=0",
            "--node-monitor-period=2s",
            "--node-monitor-grace-period=12s",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
            "--profiling=false",
            "--v=1",
        )

    def start_scheduler(self) -> None:
        """It ends itself when it has missed a pod's end and meets its successor, and counts on being started again."""
        arguments = (
            f"--kubeconfig={_ETC}/kube-scheduler.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            "--v=1",
        )
        self.machine.spawn("kube-scheduler", [*_OVER_AND_OVER, KUBE, "kube-scheduler", *arguments])

    def start_proxy(self) -> None:
        """Serve Services to clients outside the cluster, whichever nodes are there."""
        # It waits half a minute for a Node of its name, and this machine is none. The name only decides which
        # endpoints count as local.
        start_proxy(self.machine, plan(1)[0].name)

    def _component(self, name: str, *arguments: str) -> None:
        self.machine.spawn(name, [KUBE, name, *arguments])
