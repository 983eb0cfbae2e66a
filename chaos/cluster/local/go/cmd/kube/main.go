// Command kube holds every Kubernetes component of an embedded node, and etcd, in one binary.
//
// The component is chosen by the name that the binary is called by, or by its first argument:
// `kube kubelet --config=...` and a link named kubelet do the same.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectlcli "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// components maps a name to the constructor of its command. Only the one that is asked for is built:
// each registers flags in global sets, and they would collide.
var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kubectl":                 func() *cobra.Command { return kubectlcli.NewDefaultKubectlCommand() },
}

func usage() string {
	names := []string{"etcd"}
	for name := range components {
		names = append(names, name)
	}
	slices.Sort(names)
	return "usage: kube COMPONENT [ARGUMENT...], where COMPONENT is one of " + strings.Join(names, ", ")
}

func main() {
	name := filepath.Base(os.Args[0])
	if name != "etcd" && components[name] == nil {
		if len(os.Args) < 2 {
			fmt.Fprintln(os.Stderr, usage())
			os.Exit(2)
		}
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	build := components[name]
	if build == nil {
		fmt.Fprintf(os.Stderr, "kube: unknown component %q\n%s\n", name, usage())
		os.Exit(2)
	}
	command := build()
	if name == "kubectl" {
		// CheckErr knows kubectl's own exit codes and which errors were printed already, as in upstream's main.
		if err := cli.RunNoErrOutput(command); err != nil {
			kubectlutil.CheckErr(err)
		}
		return
	}
	os.Exit(cli.Run(command))
}
