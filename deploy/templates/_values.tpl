{{/* Refuse what the schema cannot: the chart's values beside each other. */}}
{{- define "vcnd.refuse" -}}
{{- if ne .Release.Namespace "kube-system" }}
  {{- fail (printf "vcnd runs in kube-system, not in %s: give --namespace kube-system" .Release.Namespace) }}
{{- end }}
{{- if not (dig "oci" "cluster" "" .Values.config) }}
  {{- fail "config.oci.cluster is missing: a name that no other cluster in these compartments has" }}
{{- end }}
{{- end }}

{{- define "vcnd.image" -}}
{{- $image := .Values.image }}
{{- $name := required "image.repository is missing: the name of vcnd's image in your registry" $image.repository }}
{{- if $image.digest }}
  {{- printf "%s@%s" $name $image.digest }}
{{- else }}
  {{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* "off", "standard" or "strict"; YAML reads off without quotes as false. */}}
{{- define "vcnd.enforcement" -}}
{{- dig "policy" "enforcement" "off" .Values.config | default "off" }}
{{- end }}

{{/* The daemon's configuration, as JSON: the values' with what other values ask for. */}}
{{- define "vcnd.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $enforcement := include "vcnd.enforcement" . }}
{{- if hasKey $config "policy" }}
  {{- $_ := set $config.policy "enforcement" $enforcement }}
{{- end }}
{{- if .Values.monitoring }}
  {{- $served := dict "node" "0.0.0.0:9464" "policy" "0.0.0.0:9465" }}
  {{- range $section, $address := $enforcement | eq "off" | ternary (pick $served "node") $served }}
    {{- $there := dig $section "metrics" "" $config }}
    {{- if and $there (ne $there $address) }}
      {{- fail (printf "monitoring asks for metrics at %s, config.%s.metrics says %s: leave it out" $address $section $there) }}
    {{- end }}
    {{- $_ := set $config $section (merge (dict "metrics" $address) (get $config $section | default dict)) }}
  {{- end }}
{{- end }}
{{- toJson $config }}
{{- end }}

{{/* vcnd.toml.  JSON's strings, numbers, booleans and arrays are TOML's. */}}
{{- define "vcnd.toml" -}}
{{- range $section, $content := include "vcnd.config" . | fromJson }}
{{- range kindIs "slice" $content | ternary $content (list $content) }}
{{ kindIs "slice" $content | ternary (printf "[[%s]]" $section) (printf "[%s]" $section) }}
{{- range $key, $value := . }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{ end }}
{{- end }}
{{- end }}
