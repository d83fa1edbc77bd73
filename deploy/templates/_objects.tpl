{{/* The objects of a folder's kustomization, each changed by the values that are about it. */}}
{{- define "vcnd.objects" -}}
{{- $root := .root }}
{{- $folder := .folder }}
{{- range (printf "%s/kustomization.yaml" $folder | $root.Files.Get | fromYaml).resources }}
{{- range printf "%s/%s" $folder . | $root.Files.Get | splitList "\n---\n" }}
{{- $made := include "vcnd.object" (dict "root" $root "object" (fromYaml .)) }}
{{- if $made }}
---
{{ $made }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "vcnd.object" -}}
{{- $object := .object }}
{{- $kind := $object.kind }}
{{- $policies := list "ValidatingAdmissionPolicy" "ValidatingAdmissionPolicyBinding" }}
{{- $scoped := concat $policies (list "ClusterRole" "ClusterRoleBinding" "CustomResourceDefinition") }}
{{- if not (has $kind $scoped) }}
  {{- $_ := set $object.metadata "namespace" .root.Release.Namespace }}
{{- end }}
{{- if eq $kind "DaemonSet" }}
  {{- include "vcnd.daemonset" . }}
{{- else if eq $kind "CustomResourceDefinition" }}
  {{- /* Without the annotation helm uninstall would delete all NativePodNetworks. */}}
  {{- $_ := set $object.metadata "annotations" (dict "helm.sh/resource-policy" "keep") }}
  {{- if .root.Values.crd }}{{ toYaml $object }}{{ end }}
{{- else if eq $kind "ValidatingAdmissionPolicy" }}
  {{- $taint := dig "kubernetes" "startup_taint" "vcnd.io/not-ready" .root.Values.config }}
  {{- range $object.spec.variables }}
    {{- if eq .name "startupTaint" }}{{ $_ := set . "expression" (squote $taint) }}{{ end }}
  {{- end }}
  {{- toYaml $object }}
{{- else if not (and (eq $kind "PodMonitor") (eq $object.metadata.name "vcnd-policy") (eq (include "vcnd.enforcement" .root) "off")) }}
  {{- toYaml $object }}
{{- end }}
{{- end }}

{{- define "vcnd.daemonset" -}}
{{- $object := .object }}
{{- $values := .root.Values }}
{{- if $values.uninstall.enabled }}
  {{- /* Under the same name: on each node the uninstaller takes the installer's place. */}}
  {{- $kept := pick $object "metadata" }}
  {{- $labels := $object.spec.selector.matchLabels }}
  {{- $object = mergeOverwrite (.root.Files.Get "uninstall/daemonset.yaml" | fromYaml) $kept }}
  {{- $_ := set $object.spec.selector "matchLabels" $labels }}
  {{- $_ := set $object.spec.template.metadata "labels" $labels }}
{{- end }}
{{- $template := $object.spec.template }}
{{- $pod := $template.spec }}
{{- $container := first $pod.containers }}
{{- $_ := set $container "image" (include "vcnd.image" .root) }}
{{- if and $values.uninstall.enabled $values.uninstall.force }}
  {{- $_ := set $container "args" (append $container.args "--force") }}
{{- end }}
{{- if and $values.monitoring (not $values.uninstall.enabled) }}
  {{- $patch := .root.Files.Get "components/monitoring/ports.yaml" | fromYaml }}
  {{- $_ := set $container "ports" (first $patch.spec.template.spec.containers).ports }}
{{- end }}
{{- if hasKey $values "resources" }}{{ $_ := set $container "resources" $values.resources }}{{ end }}
{{- if hasKey $values.image "pullPolicy" }}{{ $_ := set $container "imagePullPolicy" $values.image.pullPolicy }}{{ end }}
{{- range $key := list "tolerations" "nodeSelector" "affinity" "imagePullSecrets" }}
  {{- if hasKey $values $key }}{{ $_ := set $pod $key (get $values $key) }}{{ end }}
{{- end }}
{{- if hasKey $values "podAnnotations" }}{{ $_ := set $template.metadata "annotations" $values.podAnnotations }}{{ end }}
{{- if and (hasKey $values "maxUnavailable") (not $values.uninstall.enabled) }}
  {{- $_ := set $object.spec.updateStrategy.rollingUpdate "maxUnavailable" $values.maxUnavailable }}
{{- end }}
{{- toYaml $object }}
{{- end }}
