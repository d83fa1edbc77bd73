// Command batch runs cyclonus' cases as its command "generate" does, but sends each
// pod its probes at once: that command starts a program in a pod for every one of
// its 486 probes a step, which takes hours on two processors.  A pod's probes of itself
// do not count: cyclonus expects policies to deny them, and Kubernetes says they cannot.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/connectivity"
	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/kube"
	"github.com/mattfenwick/cyclonus/pkg/utils"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func main() {
	include := flag.String("include", "", "run only cases with one of these tags")
	exclude := flag.String("exclude", "", "run no case with one of these tags")
	protocols := flag.String("protocols", "TCP,UDP,SCTP", "protocols to probe")
	wait := flag.Int("wait", 2, "seconds between a change and its probes")
	retries := flag.Int("retries", 1, "how often wrong probes are tried again")
	report := flag.String("report", "", "file for the results as JUnit's XML")
	part := flag.Int("every", 1, "run one of so many cases")
	dry := flag.Bool("dry-run", false, "only count the cases")
	flag.Parse()

	names, pods := []string{"x", "y", "z"}, []string{"a", "b", "c"}
	var served []v1.Protocol
	for _, p := range list(*protocols) {
		served = append(served, v1.Protocol(p))
	}
	utils.DoOrDie(generator.ValidateTags(append(list(*include), list(*exclude)...)))

	var cluster kube.IKubernetes = kube.NewMockKubernetes(1.0)
	if !*dry {
		real, err := kube.NewKubernetesForContext("")
		utils.DoOrDie(err)
		// A case reads some 40 objects: at the library's 5 a second it would wait for these.
		real.RestConfig.QPS, real.RestConfig.Burst = 50, 100
		real.ClientSet, err = kubernetes.NewForConfig(real.RestConfig)
		utils.DoOrDie(err)
		cluster = real
	}
	resources, err := probe.NewDefaultResources(
		cluster, names, pods, []int{80, 81}, served, nil, 120, true, "unused")
	utils.DoOrDie(err)
	interpreter := connectivity.NewInterpreter(cluster, resources, &connectivity.InterpreterConfig{
		ResetClusterBeforeTestCase:       true,
		VerifyClusterStateBeforeTestCase: true,
		KubeProbeRetries:                 *retries,
		PerturbationWaitSeconds:          *wait,
		BatchJobs:                        true,
		JobTimeoutSeconds:                1,
		IgnoreLoopback:                   true,
	})
	printer := &connectivity.Printer{JunitResultsFile: *report, IgnoreLoopback: true}

	target, err := resources.GetPod("z", "c")
	utils.DoOrDie(err)
	all := generator.NewTestCaseGenerator(true, target.IP, names, list(*include), list(*exclude)).GenerateTestCases()
	var cases []*generator.TestCase
	for i, c := range all {
		if i%*part == 0 {
			cases = append(cases, c)
		}
	}
	fmt.Printf("cases: %d\n", len(cases))
	if *dry {
		return
	}
	for i, c := range cases {
		fmt.Printf("case %d of %d: %s\n", i+1, len(cases), c.Description)
		result := interpreter.ExecuteTestCase(c)
		utils.DoOrDie(result.Err)
		printer.PrintTestCaseResult(result)
	}
	printer.PrintSummary()
	for _, name := range names {
		if err := cluster.DeleteNamespace(name); err != nil {
			fmt.Fprintf(os.Stderr, "namespace %s: %v\n", name, err)
		}
	}
}
